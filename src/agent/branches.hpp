// The branches of one end of a trunk: pipes on this machine, whose bytes travel through the one connection by turns.
//
// What a branch is to send is left in its pipe until it is its turn, and it has a window for it. So no branch waits for
// another's bytes longer than one round takes, and a branch whose reader is slow holds up no other.
//
// Thread safety: one thread at a time.
// Invariants: at most a window of each branch waits here for its reader.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "os/fd.hpp"
#include "wire/outbox.hpp"
#include "wire/trunk_door.hpp"

namespace coproc::inline v0::agent {

class Branches {
 public:
  /// Both outlive this object. The door has all branches in its table that are added here.
  Branches(wire::Outbox& outbox, wire::TrunkDoor& door) noexcept : outbox_(outbox), door_(door) {}

  /// What is read from `in` is sent, and what comes is written to `out`. Neither descriptor waits from now on. Without
  /// them it has ended. Throws std::system_error.
  void add(std::uint32_t number, os::Fd in, os::Fd out);
  /// Forgets it. What waits is dropped.
  void remove(std::uint32_t number) { branches_.erase(number); }
  bool has(std::uint32_t number) const { return branches_.contains(number); }
  std::size_t size() const noexcept { return branches_.size(); }

  /// A `data`, `credit` or `end` that has passed the door.
  void take(const wire::Frame& frame);
  /// Nothing more will come for it: `out` is closed when everything is written.
  void close_out(std::uint32_t number);
  /// `end` is sent when what is in the pipe by now has been sent, even if the pipe stays open: whoever wrote to it has
  /// ended.
  void finish(std::uint32_t number);
  /// What still comes for it is dropped, and gives no credit: the other side forgets it.
  void drop_input(std::uint32_t number) { branches_.at(number).drops_input = true; }
  /// Whether `end` was sent.
  bool has_ended(std::uint32_t number) const { return branches_.at(number).has_ended; }
  /// Whether everything that came is written.
  bool has_written_all(std::uint32_t number) const { return branches_.at(number).waiting.empty(); }

  /// Writes and reads what can be without waiting. Returns whether it has left something because enough waits for the
  /// connection by now.
  bool move();
  /// Appends what to wait for.
  void prepare_poll(std::vector<pollfd>& fds);
  /// What came of that: the entries are those that prepare_poll() has appended.
  void note_poll(const pollfd* fds);

 private:
  /// So much waits at most for the connection, besides what control frames there are.
  static constexpr std::size_t kMostBacklog = std::size_t{128} << 10;
  static constexpr std::size_t kPiece = std::size_t{32} << 10;  // what a branch sends in its turn

  struct Branch {
    os::Fd in, out;
    std::deque<std::vector<std::byte>> waiting;  // for `out`
    std::size_t at = 0;                          // what has been written of the first
    bool is_readable = true;                     // `in` may have something
    bool has_ended = false;                      // `end` was sent
    bool is_finishing = false;                   // `end` is sent when `in` is empty
    bool closes_out = false;                     // nothing more comes for `out`
    bool drops_input = false;                    // whatever still comes
  };

  void write(std::uint32_t number, Branch& branch);
  bool send_piece(std::uint32_t number, Branch& branch);
  bool may_send(std::uint32_t number, const Branch& branch);
  void send_end(std::uint32_t number, Branch& branch);

  wire::Outbox& outbox_;
  wire::TrunkDoor& door_;
  std::map<std::uint32_t, Branch> branches_;
  std::uint32_t last_served_ = 0;  // whose turn it was last
  std::vector<std::byte> piece_ = std::vector<std::byte>(kPiece);
};

}  // namespace coproc::inline v0::agent
