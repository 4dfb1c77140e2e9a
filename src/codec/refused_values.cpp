// The errors for values that cannot be encoded.
#include "coproc/codec.hpp"
#include "coproc/errors.hpp"

namespace coproc::inline v0::detail {

void throw_valueless() {
  throw InvalidArgumentError(
      "a std::variant that lost its value to an exception cannot be sent: assign it a value first");
}

void throw_null_text() {
  throw InvalidArgumentError("a null pointer to text cannot be sent: send \"\", or a std::optional<std::string>");
}

}  // namespace coproc::inline v0::detail
