#include "os/directory.hpp"

#include <dirent.h>

#include <string_view>

#include "os/fault.hpp"

namespace coproc::inline v0::os {

namespace {

class Directory {
 public:
  explicit Directory(const std::string& path) : stream_(should_fail() ? nullptr : ::opendir(path.c_str())) {}
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    if (stream_ != nullptr) ::closedir(stream_);
  }
  /// Null: there is no other one.
  const char* next() {
    if (stream_ == nullptr) return nullptr;
    const dirent* const entry = ::readdir(stream_);
    return entry == nullptr ? nullptr : entry->d_name;
  }

 private:
  DIR* stream_;
};

}  // namespace

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  Directory directory(path);
  while (const char* const name = directory.next()) {
    if (std::string_view(name) != "." && std::string_view(name) != "..") names.emplace_back(name);
  }
  return names;
}

}  // namespace coproc::inline v0::os
