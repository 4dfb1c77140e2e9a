#include "ring/ring.hpp"

namespace coproc::inline v0::ring {

std::span<std::byte> Producer::reserve_elsewhere(std::size_t bytes) noexcept {
  note_free();  // where the last record ended with the ring
  const std::size_t place = tail_ & (capacity_ - 1);
  const std::size_t needed = rounded_up(bytes);
  const std::size_t to_end = capacity_ - place;
  pad_ = needed > to_end ? to_end : 0;
  if (capacity_ - (tail_ - head_seen_) < pad_ + needed &&
      (!look_at_head() || capacity_ - (tail_ - head_seen_) < pad_ + needed))
    return {};
  note_free();
  const std::size_t free = capacity_ - (tail_ - head_seen_) - pad_;
  return {memory_ + (pad_ != 0 ? 0 : place), std::min({free, pad_ != 0 ? capacity_ : to_end, max_record_})};
}

std::span<const std::byte> Consumer::read_elsewhere(std::uint64_t& position) noexcept {
  while (position != tail_seen_ && !is_broken()) {
    const std::size_t place = position & (capacity_ - 1);
    const std::uint32_t word = load_length(memory_ + place);
    const std::size_t length = word & ~kPadBit;
    const std::size_t taken = rounded_up(length);
    const bool is_pad = (word & kPadBit) != 0;
    if (length < kMinRecord || taken > tail_seen_ - position || taken > capacity_ - place ||
        (!is_pad && taken > capacity_ / 4))
      break;
    if (!is_pad) return {memory_ + place, length};
    position += taken;
  }
  if (position != tail_seen_) note_broken();
  return {};
}

}  // namespace coproc::inline v0::ring
