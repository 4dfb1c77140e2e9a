// The error that an empty queue throws when it is asked for a value.
#pragma once

#include "coproc/errors.hpp"
#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// `get` or `front` was called on an empty queue. `try_get` returns nullopt instead.
class COPROC_API QueueEmptyError : public Error {
 public:
  using Error::Error;
};

}  // namespace coproc::inline v0
