#include "os/process_memory.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "os/file.hpp"

namespace coproc::inline v0::os {

std::size_t resident_bytes(pid_t pid) {
  const std::string text = read_text("/proc/" + std::to_string(pid) + "/statm").value_or("");  // "total resident ..."
  const std::size_t space = text.find(' ');
  if (space == std::string::npos) return 0;
  return std::strtoull(text.c_str() + space, nullptr, 10) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

ProcessMemory memory_of(pid_t pid) {
  const std::string text = read_text("/proc/" + std::to_string(pid) + "/status").value_or("");
  const auto bytes = [&](std::string_view name) -> std::size_t {  // "VmRSS:	    5120 kB"
    const std::size_t at = text.find(name);
    return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + name.size(), nullptr, 10) * 1024;
  };
  return {bytes("\nVmRSS:"), bytes("\nVmHWM:")};
}

}  // namespace coproc::inline v0::os
