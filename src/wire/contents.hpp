// The contents of the small frames.
//
// Thread safety: values and free functions.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "remote/messages.hpp"

namespace coproc::inline v0::wire {

/// The other agent broke the rules of the wire: nothing that comes from it is believed any more.
class BrokenWire : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What both agents, and the host and the worker behind them, must have in common.
struct Hello {
  std::uint32_t wire = 0;
  std::uint32_t link = 0;   // link::kProtocolVersion
  std::uint32_t start = 0;  // process::kStartVersion
  std::string architecture;

  bool operator==(const Hello&) const = default;
  /// "wire 1, link 1, start 2, x86_64".
  std::string describe() const;
};
/// Of the agent that asks.
Hello own_hello();

/// The far agent's counts when it can move nothing: they tell the near agent whether anything was on its way.
struct Stuck {
  std::uint64_t received = 0;      // bytes of records
  std::uint64_t sent = 0;          // likewise
  std::uint64_t credit_given = 0;  // bytes
  std::uint64_t credit_taken = 0;  // likewise

  bool operator==(const Stuck&) const = default;
};

std::vector<std::byte> to_payload(const Hello& hello);
std::vector<std::byte> to_payload(const Stuck& stuck);
std::vector<std::byte> to_payload(const remote::SignalOrder& order);
std::vector<std::byte> to_payload(std::string_view bytes);

/// They check everything, and throw BrokenWire.
Hello read_hello(std::span<const std::byte> payload);
Stuck read_stuck(std::span<const std::byte> payload);
remote::SignalOrder read_signal(std::span<const std::byte> payload);
remote::StartAnswer read_started(std::span<const std::byte> payload);
remote::WorkerEnd read_ended(std::span<const std::byte> payload);

}  // namespace coproc::inline v0::wire
