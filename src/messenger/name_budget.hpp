// The limit on the memory that the channels and types declared by one end take at the other end, which keeps them as
// long as the link exists.
//
// Both ends count in the same way: so an end refuses a declaration of its own user before the peer would reject it with
// a ProtocolError.
//
// Thread safety: none; one thread at a time, which Core ensures.
// Invariants: used() <= max().
#pragma once

#include <cstddef>

namespace coproc::inline v0::detail {

class NameBudget {
 public:
  explicit NameBudget(std::size_t max) noexcept : max_(max) {}

  /// The memory in bytes that a declaration takes at its receiver. `payload`: the size of the declaration in bytes.
  static constexpr std::size_t cost(std::size_t payload) noexcept { return 768 + 2 * payload; }

  bool has_room_for(std::size_t payload) const noexcept { return cost(payload) <= max_ - used_; }
  /// REQUIRES: has_room_for(payload).
  void charge(std::size_t payload) noexcept { used_ += cost(payload); }
  std::size_t used() const noexcept { return used_; }
  std::size_t max() const noexcept { return max_; }

 private:
  std::size_t max_;  // constant after construction
  std::size_t used_ = 0;
};

}  // namespace coproc::inline v0::detail
