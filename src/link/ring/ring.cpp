#include "ring/ring.hpp"

namespace coproc::inline v0::ring {

std::span<std::byte> Producer::reserve_elsewhere(std::size_t bytes) noexcept {
  const std::size_t place = tail_ & (capacity_ - 1);
  const std::size_t needed = rounded_up(bytes);
  const std::size_t to_end = capacity_ - place;
  pad_ = needed > to_end ? to_end : 0;
  const auto has_room = [&] { return capacity_ - (tail_ - head_seen_) >= pad_ + needed; };
  if (!has_room() && !(look_at_head() && has_room())) return {};
  note_free();
  const std::size_t free = capacity_ - (tail_ - head_seen_) - pad_;
  return {memory_ + (pad_ != 0 ? 0 : place), std::min({free, pad_ != 0 ? capacity_ : to_end, max_record_})};
}

std::span<const std::byte> Consumer::read_elsewhere(std::uint64_t& position) noexcept {
  while (position != tail_seen_) {
    const std::byte* const at = memory_ + (position & (capacity_ - 1));
    const std::uint32_t word = load_length(at);
    const std::uint64_t contiguous = contiguous_from(position);
    if (is_record(word, contiguous)) return {at, word};
    const std::size_t length = word & ~kPadBit;
    const bool is_pad = (word & kPadBit) != 0 && length >= kMinRecord && rounded_up(length) <= contiguous;
    if (is_broken() || !is_pad) {
      note_broken();
      break;
    }
    position += rounded_up(length);
  }
  return {};
}

}  // namespace coproc::inline v0::ring
