// The table of system calls: what a boxed worker may call, under which conditions, and why.
//
// Thread safety: constants and functions over them.
// Invariants: the rows of a call follow each other. Each is one more way in which the call is allowed; where none fits,
// the refusal of its first row holds. Calls that are not in the table are unknown to the kernel, as far as a worker in
// a box can tell.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace coproc::inline v0::sandbox {

/// What a box must have for a row to hold.
enum class Need : std::uint8_t { nothing, files, programs, network, never };

/// What becomes of a call that no row allows.
enum class Refusal : std::uint8_t {
  no_access,        // EACCES, after which programs usually do without
  no_access_ever,   // the same, even if the sandbox is strict(): the C library calls it on the way to print a line
  not_permitted,    // EPERM
  is_no_terminal,   // ENOTTY, even if the sandbox is strict(): the C library asks it of all that it prints to
  is_unknown,       // ENOSYS, as of an older kernel
  is_unknown_ever,  // the same, even if the sandbox is strict(): the C library then takes an older call
  ends,             // SIGSYS: no program calls that by chance
};

/// An argument's bits of `mask` must be `value`. For a process: they must be this process's own number.
struct Condition {
  std::uint8_t argument = 0;
  std::uint64_t mask = 0;  // 0: no condition
  std::uint64_t value = 0;
  bool is_own_process = false;
};

struct Call {
  int number;
  const char* name;
  Need need;
  const char* reason;  // why it is allowed, or why it is not
  Refusal refusal = Refusal::not_permitted;
  std::array<Condition, 3> conditions = {};  // all of which must hold
  bool is_guarded = false;                   // Sandbox::guard(), which allows all other calls, looks at it, too
};

/// All rows.
std::span<const Call> calls();

/// What Sandbox::guard(), which allows all other calls, refuses besides: a call for which the conditions of one of
/// these rows hold.
std::span<const Call> calls_denied_by_guard() noexcept;

/// The number of a call of the table.
std::optional<int> number_of_call(std::string_view name);
/// Its name, or "system call 4711" for one that is not in the table.
std::string name_of_call(int number);

}  // namespace coproc::inline v0::sandbox
