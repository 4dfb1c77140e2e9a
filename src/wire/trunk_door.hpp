// The door for what comes in through a trunk: one connection to a machine, with a branch for each worker there.
//
// A branch carries bytes both ways, those of the wire between two agents, and looks at none of them. Its life:
//
//   near   open ......... data, credit ............ end ................... forget
//   far         opened .. data, credit .................. end ... gone
//
// Each branch and direction has a window of its own, so that one whose reader is slow holds up no other.
//
// Thread safety: one thread at a time.
// Invariants: once it has thrown, nothing more may be read through it. A branch is in the table from `open` to
// `forget`, and its number is never used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "wire/contents.hpp"
#include "wire/door.hpp"
#include "wire/frame.hpp"
#include "wire/window.hpp"

namespace coproc::inline v0::wire {

/// Of one branch.
struct BranchWindows {
  SendWindow out;
  ReceiveWindow in;
};

class TrunkDoor {
 public:
  /// The door of the end on this side.
  explicit TrunkDoor(Side side) noexcept : side_(side) {}

  /// Takes the next whole frame off `bytes`; nullopt: more bytes are needed. Throws BrokenWire.
  std::optional<Frame> next(std::span<const std::byte>& bytes);

  /// Of the near end: the number of a new branch, which it tells the far end. REQUIRES: may_open().
  std::uint32_t open();
  /// Whether there is a number left.
  bool may_open() const noexcept { return last_ < kLastBranch; }
  /// Of the near end: it has answered `gone`.
  void forget(std::uint32_t branch) { branches_.erase(branch); }
  /// Of the far end: it has sent `gone`, which may be answered now.
  void expect_forget(std::uint32_t branch) { branches_.at(branch).may_be_forgotten = true; }
  /// Of the far end: it has sent the ping with this number, which may be answered now.
  void expect_pong(std::uint64_t number) noexcept { pinged_ = number; }
  /// Of the far end: whether the near one has begun.
  bool has_welcome() const noexcept { return has_greeted_; }

  /// REQUIRES: the branch is in the table.
  BranchWindows& windows_of(std::uint32_t branch) { return branches_.at(branch).windows; }
  std::size_t branches() const noexcept { return branches_.size(); }

 private:
  static constexpr std::uint32_t kLastBranch = 0xffff'fffe;

  /// What the other end has said of it.
  struct Branch {
    BranchWindows windows;
    bool is_answered = false;       // by `opened`
    bool has_ended = false;         // by `end`
    bool is_gone = false;           // by `gone`
    bool may_be_forgotten = false;  // by `forget`
  };

  void check_header(const Header& header) const;
  bool may_come(FrameType type) const noexcept;
  void check_contents(const Frame& frame);
  void check_branch(const Frame& frame);
  void check_open(std::uint32_t number);

  const Side side_;
  bool has_greeted_ = false;  // the other end, by `hello` or `welcome`
  std::uint32_t last_ = 0;    // the last branch that was opened
  std::map<std::uint32_t, Branch> branches_;
  std::uint64_t pinged_ = 0;  // as in Door
  std::uint64_t heard_ = 0;
};

}  // namespace coproc::inline v0::wire
