// Runs a filter of system calls as the kernel does, on calls that are never made.
//
// Thread safety: free functions over values.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>

namespace coproc::inline v0::sandbox::testing {

#if defined(__x86_64__)
inline constexpr std::uint32_t kOwnArchitecture = 0xC000003E;
#else
inline constexpr std::uint32_t kOwnArchitecture = 0xC00000B7;
#endif

inline seccomp_data call_of(int number, std::array<std::uint64_t, 6> arguments = {}) {
  seccomp_data call{};
  call.nr = number;
  call.arch = kOwnArchitecture;
  for (std::size_t i = 0; i < arguments.size(); ++i) call.args[i] = arguments[i];
  return call;
}

/// What the filter says of a call: SECCOMP_RET_... Knows the instructions that filters of calls may have, of those that
/// compilers of filters use. Throws std::logic_error for a program that the kernel would refuse.
inline std::uint32_t run_filter(std::span<const sock_filter> program, const seccomp_data& call) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& now = program[at];
    const auto jump = [&](bool holds) { at += holds ? now.jt : now.jf; };
    switch (now.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (now.k % 4 != 0 || now.k + 4 > sizeof call) throw std::logic_error("loads from outside");
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&call) + now.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= now.k;
        break;
      case BPF_JMP | BPF_JA:
        at += now.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump(accumulator == now.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        jump(accumulator >= now.k);
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        jump(accumulator > now.k);
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        jump((accumulator & now.k) != 0);
        break;
      case BPF_RET | BPF_K:
        return now.k;
      default:
        throw std::logic_error("an unknown instruction");
    }
  }
  throw std::logic_error("the end without a decision");
}

}  // namespace coproc::inline v0::sandbox::testing
