// The identity of a request.
#pragma once

#include <cstdint>

namespace coproc::inline v0 {

/// Identifies a request on its link. Later requests have greater ids. Programs only compare ids and pass them back.
enum class RequestId : std::uint64_t {};

}  // namespace coproc::inline v0
