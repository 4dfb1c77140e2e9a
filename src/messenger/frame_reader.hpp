// Reads the peer's frames: puts the pieces of a large message together, and hands each message on to the part that it
// is for. Messages go to the inbox, declarations to the peer's names, and errors are held for the next receive.
//
// The peer is not trusted: every frame is checked here before anything else uses it. A frame that breaks the rules is a
// ProtocolError.
//
// Thread safety: none; the core's. `end_received` from any thread. Invariants: if `take` throws or returns false,
// nothing has changed, and the same frame can be taken again. Sequence numbers grow by one with each message and error,
// in the order of the frames. Held errors stay encoded, and are counted in the inbox: what they decode to may be much
// larger. While the peer's `overtakings` are those of `overtakings_known`, the messages in the link are in an order in
// which they may be returned.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <span>
#include <string>
#include <utility>

#include "coproc/priority.hpp"
#include "link/frame.hpp"
#include "link/link.hpp"
#include "messenger/entry.hpp"
#include "messenger/error_table.hpp"
#include "messenger/inbox.hpp"
#include "messenger/incoming_loans.hpp"
#include "messenger/last_words.hpp"
#include "messenger/peer.hpp"
#include "messenger/peer_names.hpp"
#include "messenger/request_books.hpp"

namespace coproc::inline v0::detail {

class FrameReader {
 public:
  /// The parts that it hands messages on to. They must outlive it.
  struct Parts {
    PeerNames& names;
    RequestBooks& requests;
    Inbox& inbox;
    const IncomingLoans& loans;
    LastWords& last_words;
    const Peer& peer;
  };
  /// The sequence number of the first message or error. Lower numbers are for messages that are put back.
  static constexpr std::uint64_t kFirstSequence = std::uint64_t{1} << 63;

  FrameReader(const Parts& parts, std::size_t max_message_bytes)
      : parts_(parts), max_message_bytes_(max_message_bytes) {}

  enum class Stop { at_error, at_nothing };
  /// Takes the frames that have arrived, up to the last one that is there now, to the first for which the inbox is
  /// full, or (`at_error`) to the first error; with `at_error` and a held error it takes none. Throws as `take`.
  void drain(link::Link& link, Stop stop);
  /// Takes one frame. Returns false if the inbox has no room for it. Throws ProtocolError, and SystemLimitError if
  /// memory that was lent can be neither mapped nor read.
  bool take(const link::Frame& frame);

  /// Whether the last drain ended because the inbox was full.
  bool is_inbox_full() const noexcept { return is_inbox_full_; }
  /// The peer's `overtakings` when the link was last known to hold nothing that overtakes anything.
  std::uint32_t overtakings_known() const noexcept { return overtakings_known_; }
  void note_in_order(std::uint32_t overtakings) noexcept { overtakings_known_ = overtakings; }

  /// Whether nothing is held here that comes before the next frame: no pieces of a message, and no error.
  bool is_clear() const noexcept { return !partial_.is_active && held_errors_.empty(); }
  bool has_partial() const noexcept { return partial_.is_active; }
  /// Goes on with a message whose first pieces were read elsewhere. REQUIRES: is_clear().
  void resume(EntryPtr entry, std::uint64_t total, const link::FrameHeader& header) noexcept {
    partial_ = {std::move(entry), total, true, header};
  }

  bool holds_error() const noexcept { return !held_errors_.empty(); }
  /// The sequence number of the first held error. REQUIRES: holds_error().
  std::uint64_t error_sequence() const noexcept { return held_errors_.front()->sequence; }
  /// Takes out and decodes the first held error. REQUIRES: holds_error().
  std::exception_ptr take_error();
  /// Decodes an error of the peer. If the bytes cannot be read, it returns a RemoteError that says so.
  ReceivedError decode_error(std::span<const std::byte> payload) const;

  /// Whether the peer has announced that it sends no more, and everything before that was read.
  bool end_received() const noexcept { return end_received_.load(std::memory_order_relaxed); }  // relaxed: a look
  /// The sequence number of the next message or error.
  std::uint64_t next_sequence() const noexcept { return next_sequence_; }
  /// The priority of the message that was read last, here or elsewhere.
  Priority last_priority() const noexcept { return Priority::from_parts(last_priority_, last_rest_); }
  void note_read(const link::FrameHeader& header) noexcept {
    last_priority_ = header.priority;
    last_rest_ = header.rest;
  }

 private:
  struct Partial {  // a large message of which pieces are still to come
    EntryPtr entry;
    std::uint64_t total = 0;
    bool is_active = false;
    link::FrameHeader header;
  };

  void refuse_behind_end(link::FrameKind kind) const;
  void take_end() noexcept;
  bool begin_partial(const link::Frame& frame);
  void continue_partial(const link::Frame& frame);
  void take_message(const link::FrameHeader& header, EntryPtr& entry);
  void finish_entry(const link::FrameHeader& header, Entry& entry);
  void check_answer(const link::FrameHeader& header, const Channel& channel);
  void hold_error(const link::FrameHeader& header, EntryPtr& entry);
  [[noreturn]] void broken_rule(const std::string& what) const { parts_.peer.throw_broken_rule(what); }

  Parts parts_;                    // constant after construction
  std::size_t max_message_bytes_;  // constant after construction
  Partial partial_;
  std::deque<EntryPtr> held_errors_;
  std::uint64_t next_sequence_ = kFirstSequence;
  std::uint32_t overtakings_known_ = 0;
  double last_priority_ =
      Priority().value();  // its two parts, as they came: every message sets them, and few calls ask
  std::int16_t last_rest_ = 0;
  bool is_inbox_full_ = false;
  std::atomic<bool> end_received_{false};
};

}  // namespace coproc::inline v0::detail
