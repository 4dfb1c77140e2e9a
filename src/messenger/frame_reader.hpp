// Reads the peer's frames: it joins the pieces of large messages, puts messages into the inbox, passes declarations to
// PeerNames, and holds errors for the next receive.
//
// Frames are untrusted: each is checked here before anything else uses it. An invalid frame is a ProtocolError.
//
// Thread safety: none; one thread at a time, which Core ensures. `end_received` may be called from any thread.
// Invariants: if `take` throws or returns false, nothing has changed, and the same frame can be taken again. Sequence
// numbers grow by one with each message and error, in the order of the frames. Held errors stay encoded, since decoded
// they may be much larger, and the inbox counts their bytes. While the peer's `overtakings` equals `overtakings_known`,
// the messages in the link are in an order in which they may be returned.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
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
#include "messenger/saved_states.hpp"

namespace coproc::inline v0::detail {

class FrameReader {
 public:
  /// The other parts of Core that it uses. They must outlive it.
  struct Parts {
    PeerNames& names;
    RequestBooks& requests;
    Inbox& inbox;
    const IncomingLoans& loans;
    LastWords& last_words;
    const Peer& peer;
  };
  /// The sequence number of the first message or error. Messages that are put back get lower numbers.
  static constexpr std::uint64_t kFirstSequence = std::uint64_t{1} << 63;

  FrameReader(const Parts& parts, std::size_t max_message_bytes)
      : parts_(parts), max_message_bytes_(max_message_bytes) {}

  enum class Stop { at_error, at_last_frame };
  /// Takes the frames that have arrived so far. It stops early at a frame for which the inbox has no room and, with
  /// `at_error`, after the first error; if an error is held already, it then takes none. Throws what `take` throws.
  void drain(link::Link& link, Stop stop);
  /// Takes one frame. Returns false if the inbox has no room for it. Throws ProtocolError if it is invalid, and
  /// SystemLimitError if the memory of a loan can be neither mapped nor read.
  bool take(const link::Frame& frame);

  /// Whether the last drain ended because the inbox was full.
  bool is_inbox_full() const noexcept { return is_inbox_full_; }
  /// The peer's `overtakings` when the messages in the link were last known to be in order; see the invariants.
  std::uint32_t overtakings_known() const noexcept { return overtakings_known_; }
  void note_in_order(std::uint32_t overtakings) noexcept { overtakings_known_ = overtakings; }

  /// Whether neither pieces of a message nor errors are held here, which would come before the next frame.
  bool is_clear() const noexcept { return holds_ == 0 && held_errors_.empty(); }
  /// Whether there are pieces of a message, or every frame is to come here.
  bool has_partial() const noexcept { return holds_ != 0; }
  /// From now on every frame is to come here: is_clear() is false, which no receive has to ask twice.
  void want_every_frame() noexcept { holds_ |= kEveryFrame; }
  /// Continues a large message whose first pieces the caller has read. REQUIRES: is_clear().
  void resume(EntryPtr entry, std::uint64_t total, const link::FrameHeader& header) noexcept {
    partial_ = {std::move(entry), total, header};
    holds_ |= kPieces;
  }

  /// The states that the peer has saved.
  SavedStates& states() noexcept { return states_; }
  /// Whether the peer has answered a stream, by a part or its end.
  bool has_streamed() const noexcept { return has_streamed_; }

  bool holds_error() const noexcept { return !held_errors_.empty(); }
  /// The sequence number of the first held error. REQUIRES: holds_error().
  std::uint64_t error_sequence() const noexcept { return held_errors_.front()->sequence; }
  /// Removes the first held error and returns it, decoded. REQUIRES: holds_error().
  std::exception_ptr take_error();
  /// How many errors are held, and the removal of the first one. REQUIRES: holds_error().
  std::size_t held_count() const noexcept { return held_errors_.size(); }
  EntryPtr take_held() noexcept;
  /// Holds an error behind all others, with the sequence number that it has.
  void hold(EntryPtr& entry);
  /// Whether a frame of this kind is an error that belongs to no request.
  static bool is_error(link::FrameKind kind) noexcept {
    return kind == link::FrameKind::error || kind == link::FrameKind::final_error;
  }
  /// Decodes an error of the peer. If the bytes are invalid, it returns a RemoteError that says so.
  ReceivedError decode_error(std::span<const std::byte> payload) const;

  /// Whether the peer has announced that it sends no more, and everything before that has been read.
  /// Relaxed: the flag publishes nothing else.
  bool end_received() const noexcept { return end_received_.load(std::memory_order_relaxed); }
  /// The sequence number of the next message or error.
  std::uint64_t next_sequence() const noexcept { return next_sequence_; }
  /// Takes that number, for what this end itself puts into the inbox.
  std::uint64_t take_sequence() noexcept { return next_sequence_++; }
  /// The priority of the message that was read last, by this class or by Core (note_read).
  Priority last_priority() const noexcept { return Priority::from_parts(last_priority_, last_rest_); }
  void note_read(const link::FrameHeader& header) noexcept {
    last_priority_ = header.priority;
    last_rest_ = header.rest;
  }

 private:
  struct Partial {  // a large message that is not yet complete
    EntryPtr entry;
    std::uint64_t total = 0;
    link::FrameHeader header;
  };

  bool replaces_enough(const link::FrameHeader& header, std::size_t payload_bytes) const noexcept;
  void refuse_after_end(link::FrameKind kind) const;
  void take_end() noexcept;
  bool begin_partial(const link::Frame& frame);
  void continue_partial(const link::Frame& frame);
  void take_message(const link::FrameHeader& header, EntryPtr& entry);
  Channel& finish_entry(const link::FrameHeader& header, Entry& entry);
  void take_answer(const link::FrameHeader& header, const Channel& channel, EntryPtr& entry);
  void cut_window(std::uint64_t id, Entry& entry);
  void take_word_of_reader(const link::Frame& frame);
  void check_answer(const link::FrameHeader& header, const Channel& channel);
  void check_part(const link::FrameHeader& header, const Channel& channel);
  void hold_error(const link::FrameHeader& header, EntryPtr& entry);
  // frame_states.cpp
  void check_state(std::uint64_t type, std::uint64_t bytes) const;
  std::shared_ptr<const SavedState> copy_of_state(std::uint64_t type, std::span<const std::byte> bytes) const;
  void take_state(const link::FrameHeader& header, std::span<const std::byte> bytes);
  void take_state(const link::FrameHeader& header, Payload& bytes);
  void take_answer_with_state(const link::FrameHeader& header, const Channel& channel, EntryPtr& entry);
  [[noreturn]] void throw_broken_rule(const std::string& what) const { parts_.peer.throw_broken_rule(what); }

  static constexpr std::uint8_t kPieces = 1, kEveryFrame = 2;  // holds_
  bool is_partial() const noexcept { return (holds_ & kPieces) != 0; }
  void drop_partial() noexcept {
    partial_ = {};
    holds_ &= static_cast<std::uint8_t>(~kPieces);
  }

  Parts parts_;                    // constant after construction
  std::size_t max_message_bytes_;  // constant after construction
  Partial partial_;
  std::uint8_t holds_ = 0;  // kPieces: `partial_` is one
  std::deque<EntryPtr> held_errors_;
  std::uint64_t next_sequence_ = kFirstSequence;
  std::uint32_t overtakings_known_ = 0;
  double last_priority_ =
      Priority().value();  // the unconverted fields, since every message sets them and few calls read them
  std::int16_t last_rest_ = 0;
  bool is_inbox_full_ = false;
  bool has_streamed_ = false;
  std::atomic<bool> end_received_{false};
  SavedStates states_;
};

}  // namespace coproc::inline v0::detail
