// Times of the clock on the wall, as text.
//
// Thread safety: free function.
#pragma once

#include <chrono>
#include <string>

namespace coproc::inline v0::os {

/// `format` is strftime's. At most 99 bytes.
std::string local_time_text(std::chrono::system_clock::time_point time, const char* format);

}  // namespace coproc::inline v0::os
