#include "os/process_memory.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

#include "os/file.hpp"

namespace coproc::inline v0::os {

ProcessMemory memory_of(pid_t pid) {
  const std::string text = read_text("/proc/" + std::to_string(pid) + "/status").value_or("");
  const auto bytes = [&](std::string_view name) -> std::size_t {  // "VmRSS:	    5120 kB"
    const std::size_t at = text.find(name);
    return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + name.size(), nullptr, 10) * 1024;
  };
  return {bytes("\nVmRSS:"), bytes("\nVmHWM:")};
}

}  // namespace coproc::inline v0::os
