// What the system refuses a call on a messenger, as an error of the library's own, with the remedy.
//
// Thread safety: free functions.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace coproc::inline v0::detail {

/// Throws SystemLimitError. `what`: goes on to say what could not be done; `call`: the system call and why it failed.
[[noreturn]] void throw_refused(const std::string& what, int error_number, std::string_view call);

/// For calls that make system calls and run nothing of the user's, whose std::system_error would be his own.
template <class Call>
auto name_refusals(const std::string& what, Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::system_error& error) {
    throw_refused(what, error.code().value(), error.what());
  }
}

}  // namespace coproc::inline v0::detail
