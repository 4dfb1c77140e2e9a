// How much the channels and types that one end of a link declares may cost the other end, which keeps them for ever.
//
// Thread safety: none. Invariants: used() <= max(). Both ends count in the same way, so that an end can refuse its own
// user's declaration before its peer would take it for a breach of the rules.
#pragma once

#include <cstddef>

namespace coproc::inline v0::detail {

class NameBudget {
 public:
  explicit NameBudget(std::size_t max) noexcept : max_(max) {}

  /// The memory that a declaration takes at its receiver, in bytes, by the bytes of its payload.
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
