// The formats of files, by the ends of their names.
//
// Thread safety: free functions.
#pragma once

#include <string>
#include <string_view>

#include "coproc/monitor_result.hpp"

namespace coproc::inline v0::monitor {

using Format = std::string (MonitorResult::*)() const;
/// Throws InvalidArgumentError if the name ends in another way.
Format format_of(std::string_view path);

}  // namespace coproc::inline v0::monitor
