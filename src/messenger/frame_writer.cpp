#include "messenger/frame_writer.hpp"

namespace coproc::inline v0::detail {

bool FrameWriter::publish_later_or_quietly(link::Link& link) noexcept {
  if (publishing_ == Publishing::later) return true;
  if (overtakes_) {
    publish_now(link);  // if the peer cannot be woken any more, the next wait finds out
  } else {
    link.publish_quietly();
  }
  return true;
}

void FrameWriter::keep_rest(std::span<const std::byte> payload, Buffer& scratch) {
  const std::span<const std::byte> all = scratch.span();
  if (payload.data() + payload.size() == all.data() + all.size()) {
    rest_at_ = all.size() - payload.size();
    rest_ = std::exchange(scratch, Buffer());
  } else {
    rest_at_ = 0;
    rest_.append(payload.data(), payload.size());
  }
}

bool FrameWriter::send_rest(link::Link& link) {
  bool any = false;
  while (has_rest()) {
    const std::size_t piece = next_piece(link.max_record());
    const std::span<std::byte> room = link.reserve(piece);
    if (room.empty()) break;
    link::FrameHeader next;
    next.kind = link::FrameKind::fragment;
    write(link, room, next, rest_.span().subspan(rest_at_, piece - link::kHeaderBytes));
    rest_at_ += piece - link::kHeaderBytes;
    any = true;
    if (rest_at_ == rest_.size()) rest_ = Buffer();
  }
  if (any) publish_now(link);  // if the peer cannot be woken any more, the next wait finds out
  return any;
}

}  // namespace coproc::inline v0::detail
