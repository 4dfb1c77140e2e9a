#include "os/local_time.hpp"

#include <time.h>

namespace coproc::inline v0::os {

std::string local_time_text(std::chrono::system_clock::time_point time, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  if (localtime_r(&seconds, &parts) == nullptr) return {};
  char text[100];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

}  // namespace coproc::inline v0::os
