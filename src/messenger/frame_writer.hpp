// Writes this end's frames into the link: their headers, the mark of a message that was given up between its pieces,
// and the count of messages that overtake others. It also decides when the peer sees what was written, and keeps the
// pieces of a message for which a caller that must not wait found no room.
//
// Thread safety: none; the core's.
// Invariants: a message overtakes if it is to be returned before one that was sent earlier; the peer is told of it in
// the same publication. An abort that is owed goes out with the next frame. While a rest is kept, no other frame may be
// written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "coproc/detail/buffer.hpp"
#include "coproc/priority.hpp"
#include "link/frame.hpp"
#include "link/link.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

class FrameWriter {
 public:
  /// Writes the header of a frame whose payload already follows it in `room`, and returns the size of the whole record.
  std::size_t write_header(std::byte* room, link::FrameHeader header, std::size_t payload_bytes) noexcept {
    if (header.kind < link::FrameKind::channel)
      note_priority(header, Priority::from_parts(header.priority, header.rest));
    return finish_header(room, header, payload_bytes);
  }
  /// The same for a value of the user, whose priority is at hand. REQUIRES: the header has this priority, and the kind
  /// of a message, a request or a reply.
  std::size_t write_value_header(std::byte* room, link::FrameHeader header, const Priority& priority,
                                 std::size_t payload_bytes) noexcept {
    if (priority != last_sent_) note_priority(header, priority);
    return finish_header(room, header, payload_bytes);
  }
  /// Copies the payload to its place behind the header, if it is not there, and makes both a record of the link.
  void write(link::Link& link, std::span<std::byte> room, const link::FrameHeader& header,
             std::span<const std::byte> payload) noexcept {
    if (!payload.empty() && payload.data() != room.data() + link::kHeaderBytes)
      std::memcpy(room.data() + link::kHeaderBytes, payload.data(), payload.size());
    link.commit(write_header(room.data(), header, payload.size()));
  }
  /// The pieces that were written belong to a message that was given up: the next frame tells the peer to drop them.
  void owe_abort() noexcept { owes_abort_ = true; }

  // ---- when the peer sees it ----

  enum class Publishing : std::uint8_t { at_once, quietly, later };
  /// `quietly`: a peer that sleeps is not woken, unless a message overtakes others. `later`: not before publish_now().
  void set_publishing(Publishing publishing) noexcept { publishing_ = publishing; }
  Publishing publishing() const noexcept { return publishing_; }
  /// Shows the peer what was written, as `publishing` says. Returns false if the peer cannot be woken any more.
  bool publish(link::Link& link) noexcept {
    return publishing_ == Publishing::at_once ? publish_now(link) : publish_less(link);
  }
  bool publish_now(link::Link& link) noexcept {
    const bool can_be_woken = link.publish();
    if (std::exchange(overtakes_, false)) link.note_overtaking();
    return can_be_woken;
  }
  /// Whether something is written that overtakes and is not yet published.
  bool overtakes() const noexcept { return overtakes_; }

  // ---- the rest of a message ----

  bool has_rest() const noexcept { return !rest_.empty(); }
  /// Keeps what there is no room for. If it is the end of `scratch`, the memory is taken over instead of copied.
  void keep_rest(std::span<const std::byte> payload, Buffer& scratch);
  /// The size of the record for the next piece of the rest. REQUIRES: has_rest().
  std::size_t next_piece(std::size_t max_record) const noexcept {
    return std::min(link::kHeaderBytes + rest_.size() - rest_at_, max_record);
  }
  /// Writes and publishes the pieces that there is room for. Returns whether there was room for any.
  bool send_rest(link::Link& link);

 private:
  void note_priority(const link::FrameHeader& header, const Priority& priority) noexcept {
    // Errors are system messages, which the receiver returns before everything that has come.
    if (header.kind > link::FrameKind::error_reply || priority < last_sent_) overtakes_ = true;
    last_sent_ = priority;
  }
  std::size_t finish_header(std::byte* room, link::FrameHeader header, std::size_t payload_bytes) noexcept {
    header.length = static_cast<std::uint32_t>(link::kHeaderBytes + payload_bytes);
    if (owes_abort_) [[unlikely]] {
      header.flags = static_cast<std::uint8_t>(header.flags | link::kAbort);
      owes_abort_ = false;
    }
    link::write_header(room, header);
    step("send: header written");
    return header.length;
  }
  bool publish_less(link::Link& link) noexcept;

  Priority last_sent_;
  bool overtakes_ = false;  // something that was written and not yet published
  bool owes_abort_ = false;
  Publishing publishing_ = Publishing::at_once;
  Buffer rest_;  // from `rest_at_` on
  std::size_t rest_at_ = 0;
};

}  // namespace coproc::inline v0::detail
