// Writes this end's frames into the link: their headers, the abort flag after a large message that failed between its
// pieces, and the count of messages that overtake others. It also decides when frames are published. If a caller must
// not wait, it keeps the pieces of a large message for which there is no room.
//
// Thread safety: none; one thread at a time, which Core ensures.
// Invariants: a message overtakes if it is to be returned before one that was sent earlier. The count of overtakings is
// raised in the publication that shows the message. If an abort is due, the next frame carries it. While a rest is
// kept, no other frame may be written.
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
  /// Writes the header of a frame whose payload is already in `room`, and returns the size of the record in bytes.
  std::size_t write_header(std::byte* room, link::FrameHeader header, std::size_t payload_bytes) noexcept {
    if (header.kind < link::FrameKind::channel)
      note_priority(header, Priority::from_parts(header.priority, header.rest));
    return finish_header(room, header, payload_bytes);
  }
  /// The same for a caller that has the priority as a Priority. REQUIRES: the header has this priority, and its kind is
  /// message, request or reply.
  std::size_t write_value_header(std::byte* room, link::FrameHeader header, const Priority& priority,
                                 std::size_t payload_bytes) noexcept {
    if (priority != last_priority_) note_priority(header, priority);
    return finish_header(room, header, payload_bytes);
  }
  /// Copies the payload behind the header, unless it is there already, and commits both as one record.
  void write(link::Link& link, std::span<std::byte> room, const link::FrameHeader& header,
             std::span<const std::byte> payload) noexcept {
    if (!payload.empty() && payload.data() != room.data() + link::kHeaderBytes)
      std::memcpy(room.data() + link::kHeaderBytes, payload.data(), payload.size());
    link.commit(write_header(room.data(), header, payload.size()));
  }
  /// The message whose first pieces were written has failed: the next frame will make the peer drop these pieces.
  void abort_message() noexcept { must_abort_ = true; }

  // ---- publishing ----

  enum class Publishing : std::uint8_t { at_once, quietly, later };
  /// `quietly`: publishes without waking a peer that sleeps, unless a message overtakes others. `later`: nothing is
  /// published before publish_now().
  void set_publishing(Publishing publishing) noexcept { publishing_ = publishing; }
  Publishing publishing() const noexcept { return publishing_; }
  /// Publishes the written frames, as `publishing` says. Returns false if the peer cannot be woken any more.
  bool publish(link::Link& link) noexcept {
    return publishing_ == Publishing::at_once ? publish_now(link) : publish_later_or_quietly(link);
  }
  bool publish_now(link::Link& link) noexcept {
    const bool can_be_woken = link.publish();
    if (std::exchange(overtakes_, false)) link.note_overtaking();
    return can_be_woken;
  }
  /// Whether a frame that is written and not yet published overtakes others.
  bool overtakes() const noexcept { return overtakes_; }

  // ---- the rest of a message ----

  bool has_rest() const noexcept { return !rest_.empty(); }
  /// Keeps the bytes for send_rest(). If they are the end of `scratch`, its memory is taken over instead of copied.
  void keep_rest(std::span<const std::byte> payload, Buffer& scratch);
  /// The size in bytes of the record for the next piece of the rest. REQUIRES: has_rest().
  std::size_t next_piece(std::size_t max_record) const noexcept {
    return std::min(link::kHeaderBytes + rest_.size() - rest_at_, max_record);
  }
  /// Writes and publishes as many pieces as there is room for. Returns whether there was room for any.
  bool send_rest(link::Link& link);

 private:
  void note_priority(const link::FrameHeader& header, const Priority& priority) noexcept {
    // Errors are system messages: the receiver throws them before it returns any message.
    if (header.kind > link::FrameKind::error_reply || priority < last_priority_) overtakes_ = true;
    last_priority_ = priority;
  }
  std::size_t finish_header(std::byte* room, link::FrameHeader header, std::size_t payload_bytes) noexcept {
    header.length = static_cast<std::uint32_t>(link::kHeaderBytes + payload_bytes);
    if (must_abort_) [[unlikely]] {
      header.flags = static_cast<std::uint8_t>(header.flags | link::kAbort);
      must_abort_ = false;
    }
    link::write_header(room, header);
    step("send: header written");
    return header.length;
  }
  bool publish_later_or_quietly(link::Link& link) noexcept;

  Priority last_priority_;
  bool overtakes_ = false;  // whether a written, not yet published frame overtakes
  bool must_abort_ = false;
  Publishing publishing_ = Publishing::at_once;
  Buffer rest_;  // the bytes from `rest_at_` on are not sent yet; empty: no rest
  std::size_t rest_at_ = 0;
};

}  // namespace coproc::inline v0::detail
