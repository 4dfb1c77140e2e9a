// What a queue throws that is asked for a value and has none.
#pragma once

#include "coproc/errors.hpp"
#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// `get` or `front` of an empty queue (seed: IndexError). `try_get` returns an empty optional instead.
class COPROC_API QueueEmptyError : public Error {
 public:
  using Error::Error;
};

}  // namespace coproc::inline v0
