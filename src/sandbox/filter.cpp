#include "sandbox/filter.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "sandbox/calls.hpp"

namespace coproc::inline v0::sandbox {

namespace {

using detail::SandboxKind;
using detail::SandboxParts;

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kFirstForeignCall = 0x40000000;  // those of x32
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t kFirstForeignCall = 0x80000000;
#else
#error "coproc has no table of system calls for this processor"
#endif

constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS, kIsEqual = BPF_JMP | BPF_JEQ | BPF_K;
constexpr std::uint16_t kIsAtLeast = BPF_JMP | BPF_JGE | BPF_K, kAnd = BPF_ALU | BPF_AND | BPF_K;
constexpr std::uint16_t kReturn = BPF_RET | BPF_K;

std::uint32_t error(int number) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number); }

/// What the kernel does with a call that is refused so.
std::uint32_t action_of(Refusal refusal, bool is_strict) {
  switch (refusal) {
    case Refusal::no_access_ever:
      return error(EACCES);
    case Refusal::is_no_terminal:
      return error(ENOTTY);
    case Refusal::is_unknown_ever:
      return error(ENOSYS);
    case Refusal::no_access:
      return is_strict ? SECCOMP_RET_TRAP : error(EACCES);
    case Refusal::not_permitted:
      return is_strict ? SECCOMP_RET_TRAP : error(EPERM);
    case Refusal::is_unknown:
      return is_strict ? SECCOMP_RET_TRAP : error(ENOSYS);
    case Refusal::ends:
      break;
  }
  return SECCOMP_RET_TRAP;
}

bool has(const SandboxParts& parts, Need need) {
  switch (need) {
    case Need::nothing:
      return true;
    case Need::files:
      return parts.kind != SandboxKind::compute;
    case Need::programs:
      return !parts.executable.empty() || parts.has_system;
    case Need::network:
      return parts.kind == SandboxKind::client;
    case Need::never:
      break;
  }
  return false;
}

class Program {
 public:
  explicit Program(int own_process) : own_process_(static_cast<std::uint32_t>(own_process)) {}

  void add(std::uint16_t code, std::uint32_t value) { code_.push_back({code, 0, 0, value}); }
  void give(std::uint32_t action) { add(kReturn, action); }
  /// The instructions that `body` adds are skipped unless the accumulator compares so.
  template <class Body>
  void only_if(std::uint16_t compares, std::uint32_t value, Body body) {
    const std::size_t at = code_.size();
    add(compares, value);
    body();
    skip_to_here(at);
  }
  /// Decides unless the accumulator compares so.
  void unless(std::uint16_t compares, std::uint32_t value, std::uint32_t action) {
    code_.push_back({compares, 1, 0, value});
    give(action);
  }
  /// What becomes of the call if the conditions of this row hold.
  void give_if(const Call& row, std::uint32_t action) {
    std::vector<std::size_t> jumps;
    for (const Condition& condition : row.conditions) {
      const std::size_t place = offsetof(seccomp_data, args) + 8 * std::size_t{condition.argument};
      const std::uint64_t value = condition.is_own_process ? own_process_ : condition.value;
      check(place, condition.mask & 0xFFFFFFFF, value & 0xFFFFFFFF, jumps);  // little-endian: the lower half is first
      check(place + 4, condition.mask >> 32, value >> 32, jumps);
    }
    give(action);
    for (const std::size_t at : jumps) skip_to_here(at);
  }
  std::vector<sock_filter> take() noexcept { return std::move(code_); }

 private:
  /// The comparison at this place jumps to the next instruction if it fails.
  void skip_to_here(std::size_t at) {
    const std::size_t skipped = code_.size() - at - 1;
    if (skipped > 255) throw std::logic_error("sandbox: a call has so many rows that a jump cannot cross them");
    code_[at].jf = static_cast<std::uint8_t>(skipped);
  }
  void check(std::size_t place, std::uint64_t mask, std::uint64_t value, std::vector<std::size_t>& jumps) {
    if (mask == 0) return;
    add(kLoad, static_cast<std::uint32_t>(place));
    if (mask != 0xFFFFFFFF) add(kAnd, static_cast<std::uint32_t>(mask));
    jumps.push_back(code_.size());
    add(kIsEqual, static_cast<std::uint32_t>(value));
  }

  const std::uint32_t own_process_;
  std::vector<sock_filter> code_;
};

bool is_unconditional(const Call& row) { return row.conditions[0].mask == 0; }

void add_call(Program& program, std::span<const Call> rows, const SandboxParts& parts) {
  const bool is_guard = parts.kind == SandboxKind::guard;
  if (is_guard && !rows.front().is_guarded) return;
  const bool is_named = std::find(parts.calls.begin(), parts.calls.end(), rows.front().name) != parts.calls.end();
  const auto holds = [&](const Call& row) { return has(parts, row.need); };
  const bool is_free =
      is_named || std::any_of(rows.begin(), rows.end(), [&](auto& row) { return holds(row) && is_unconditional(row); });
  program.only_if(kIsEqual, static_cast<std::uint32_t>(rows.front().number), [&] {
    if (is_free) return program.give(SECCOMP_RET_ALLOW);
    for (const Call& row : rows) {
      if (holds(row)) program.give_if(row, SECCOMP_RET_ALLOW);
    }
    program.give(action_of(rows.front().refusal, parts.is_strict));
  });
}

void add_denied_call(Program& program, std::span<const Call> rows, bool is_strict) {
  program.only_if(kIsEqual, static_cast<std::uint32_t>(rows.front().number), [&] {
    for (const Call& row : rows) program.give_if(row, action_of(row.refusal, is_strict));
    program.give(SECCOMP_RET_ALLOW);
  });
}

/// Calls `add` with the rows of each call.
template <class Add>
void for_each_call(std::span<const Call> rows, Add add) {
  for (auto first = rows.begin(); first != rows.end();) {
    const auto last = std::find_if(first, rows.end(), [&](const Call& row) { return row.number != first->number; });
    add(std::span<const Call>(first, last));
    first = last;
  }
}

}  // namespace

std::vector<sock_filter> make_filter(const SandboxParts& parts, int own_process) {
  Program program(own_process);
  program.add(kLoad, offsetof(seccomp_data, arch));
  program.unless(kIsEqual, kArchitecture, SECCOMP_RET_KILL_PROCESS);  // the numbers mean something else there
  program.add(kLoad, offsetof(seccomp_data, nr));
  program.only_if(kIsAtLeast, kFirstForeignCall, [&] { program.give(SECCOMP_RET_KILL_PROCESS); });
  for_each_call(calls(), [&](std::span<const Call> rows) { add_call(program, rows, parts); });
  const bool is_guard = parts.kind == SandboxKind::guard;
  if (is_guard) {
    for_each_call(calls_denied_by_guard(),
                  [&](std::span<const Call> rows) { add_denied_call(program, rows, parts.is_strict); });
  }
  program.give(is_guard ? SECCOMP_RET_ALLOW : action_of(Refusal::is_unknown, parts.is_strict));
  return program.take();
}

}  // namespace coproc::inline v0::sandbox
