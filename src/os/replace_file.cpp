#include "os/replace_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/file.hpp"

namespace coproc::inline v0::os {

namespace {

void write_whole(const Fd& file, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = call_retried([&] { return ::write(file.get(), text.data(), text.size()); });
    if (written < 0) throw_errno("write", path, text.size());
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Removes a file that is not complete.
class Unfinished {
 public:
  explicit Unfinished(std::string path) : path_(std::move(path)) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void move_to(const std::string& path) {
    if (call_retried([&] { return ::rename(path_.c_str(), path.c_str()); }) != 0) throw_errno("rename", path_, path);
    path_.clear();
  }

 private:
  std::string path_;
};

}  // namespace

void replace_file(const std::string& path, std::string_view contents) {
  replace_file(path, [contents](const WritePiece& write) { write(contents); });
}

void replace_file(const std::string& path, const std::function<void(const WritePiece&)>& make) {
  struct stat status {};
  const bool exists = call_retried([&] { return ::lstat(path.c_str(), &status); }) == 0;
  if (exists && !S_ISREG(status.st_mode)) {  // a device, a pipe, or a link, which stays one
    const Fd file = open_file(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
    return make([&](std::string_view piece) { write_whole(file, path, piece); });
  }
  const std::string part = path + ".part-" + std::to_string(::getpid());
  const Fd file = open_file(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
  Unfinished unfinished(part);
  make([&](std::string_view piece) { write_whole(file, part, piece); });
  unfinished.move_to(path);
}

void append_to_file(const std::string& path, std::string_view text) {
  write_whole(open_file(path.c_str(), O_WRONLY | O_CREAT | O_APPEND), path, text);
}

}  // namespace coproc::inline v0::os
