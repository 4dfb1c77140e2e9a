// The name of a request.
#pragma once

#include <cstdint>

namespace coproc::inline v0 {

/// Identifies a request on its link; later ones are greater. Only compared and handed back.
enum class RequestId : std::uint64_t {};

}  // namespace coproc::inline v0
