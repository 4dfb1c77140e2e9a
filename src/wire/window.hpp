// How much may be on its way: a sender spends a window, and the receiver gives back what it has passed on.
//
// So an agent always reads all that comes, however slow its own side is, and holds no more than a window of it.
//
// Thread safety: values.
// Invariants: what the sender has left, what is on its way, what the receiver holds and what it owes add up to kWindow.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coproc::inline v0::wire {

inline constexpr std::size_t kWindow = std::size_t{1} << 20;

class SendWindow {
 public:
  bool has(std::size_t bytes) const noexcept { return bytes <= left_; }
  std::size_t left() const noexcept { return left_; }
  /// REQUIRES: has(bytes).
  void spend(std::size_t bytes) noexcept { left_ -= bytes; }
  /// False: the peer gives back what was not spent.
  bool give_back(std::uint64_t bytes) noexcept {
    if (bytes > kWindow - left_) return false;
    left_ += static_cast<std::size_t>(bytes);
    given_back_ += bytes;
    return true;
  }
  std::uint64_t given_back() const noexcept { return given_back_; }

 private:
  std::size_t left_ = kWindow;
  std::uint64_t given_back_ = 0;  // in all
};

class ReceiveWindow {
 public:
  /// False: the peer sends more than it may.
  bool take(std::size_t bytes) noexcept {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }
  /// Returns the credit to be given now; often 0, since a small one would cost as much as a large one.
  std::size_t pass_on(std::size_t bytes) noexcept {
    owed_ += bytes;
    if (owed_ < kWindow / 4) return 0;
    const std::size_t credit = owed_;
    owed_ = 0;
    left_ += credit;
    given_ += credit;
    return credit;
  }
  /// The credit that was given in all.
  std::uint64_t given() const noexcept { return given_; }

 private:
  std::size_t left_ = kWindow;
  std::size_t owed_ = 0;
  std::uint64_t given_ = 0;
};

/// The windows of one agent.
struct Windows {
  SendWindow records_out;
  ReceiveWindow records_in;
  SendWindow output_out;    // the far agent's
  ReceiveWindow output_in;  // the near agent's
};

}  // namespace coproc::inline v0::wire
