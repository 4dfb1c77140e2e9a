#include "os/find_program.hpp"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include "os/fault.hpp"

namespace coproc::inline v0::os {

namespace {

bool is_executable_file(const std::string& path) noexcept {
  struct stat file {};
  return call_once([&] { return ::stat(path.c_str(), &file); }) == 0 && S_ISREG(file.st_mode) &&
         call_once([&] { return ::access(path.c_str(), X_OK); }) == 0;
}

}  // namespace

std::optional<std::string> find_program(const std::string& name) {
  if (name.empty()) return std::nullopt;
  if (name.find('/') != std::string::npos) return name;
  const char* const text = ::getenv("PATH");
  std::string_view rest = text == nullptr ? "/usr/local/bin:/usr/bin:/bin" : text;
  for (bool is_last = false; !is_last;) {
    const std::size_t colon = rest.find(':');
    is_last = colon == std::string_view::npos;
    const std::string directory(rest.substr(0, colon));
    std::string path = (directory.empty() ? "." : directory) + '/' + name;
    if (is_executable_file(path)) return path;
    if (!is_last) rest.remove_prefix(colon + 1);
  }
  return std::nullopt;
}

}  // namespace coproc::inline v0::os
