// Turns failed system calls of a messenger into SystemLimitError, with the remedy.
//
// Thread safety: all functions from any thread.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace coproc::inline v0::detail {

/// Throws SystemLimitError. `what`: what could not be done, as the beginning of the text; `call`: the system call and
/// why it failed.
[[noreturn]] void throw_refused(const std::string& what, int error_number, std::string_view call);

/// Makes the call and throws a SystemLimitError in the place of a std::system_error. The call must not run code of the
/// user, whose std::system_error must reach him unchanged.
template <class Call>
auto name_refusals(const std::string& what, Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::system_error& error) {
    throw_refused(what, error.code().value(), error.what());
  }
}

}  // namespace coproc::inline v0::detail
