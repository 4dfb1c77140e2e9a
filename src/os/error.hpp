// Turns errno into a std::system_error whose text names the call and its arguments.
//
// Thread safety: free functions over values.
#pragma once

#include <cerrno>
#include <concepts>
#include <string>
#include <string_view>

namespace coproc::inline v0::os {

namespace detail {

inline std::string describe_argument(std::integral auto value) { return std::to_string(value); }
inline std::string describe_argument(std::string_view text) { return '"' + std::string(text) + '"'; }

[[noreturn]] void throw_system_error(int error_number, std::string_view call, const std::string& arguments);

}  // namespace detail

/// `throw_errno("ftruncate", fd, bytes)` throws "ftruncate(5, 4096): No space left on device".
template <class... Arguments>
[[noreturn]] void throw_errno(std::string_view call, const Arguments&... arguments) {
  const int error_number = errno;  // before an allocation can change it
  std::string list;
  ((list += (list.empty() ? "" : ", ") + detail::describe_argument(arguments)), ...);
  detail::throw_system_error(error_number, call, list);
}

}  // namespace coproc::inline v0::os
