// Frames on their way out: whole ones, and those that control the conversation before those that carry its contents.
//
// Thread safety: one thread at a time.
// Invariants: a frame that has begun to leave leaves whole, before any other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "wire/frame.hpp"

namespace coproc::inline v0::wire {

class Outbox {
 public:
  /// Goes before everything that is not on its way yet, but for what was put here earlier.
  void put_control(FrameType type, std::uint64_t value = 0, std::span<const std::byte> payload = {});
  /// Goes before the contents that are not on their way yet, in place of what was put here earlier and is not on its
  /// way: however long the wire is blocked, one frame waits.
  void put_latest(FrameType type, std::uint64_t value) noexcept { latest_ = Latest{type, value}; }
  /// Keeps its order among what was put here.
  void put_bulk(FrameType type, std::uint64_t value = 0, std::span<const std::byte> payload = {});
  /// The same for a payload behind room for its header, which is not copied. REQUIRES: frame.size() >= sizeof(Header).
  void put_bulk_in_place(FrameType type, std::vector<std::byte> frame);
  /// Bytes that are no frame, before everything that is put later.
  void put_raw(std::span<const std::byte> bytes);

  /// Hands over as many bytes as `write` takes: it is given a part of them, and returns how many it took, of which less
  /// than all means that there is no more room.
  template <class Write>
  void flush(Write write) {
    for (auto part = next_part(); !part.empty(); part = next_part()) {
      const std::size_t taken = write(part);
      leave(taken);
      if (taken < part.size()) return;
    }
  }
  bool is_empty() const noexcept { return leaving_.empty() && !latest_ && control_.empty() && bulk_.empty(); }
  /// The bytes of the contents that have not begun to leave.
  std::size_t bulk_bytes() const noexcept { return bulk_bytes_; }
  /// Whether frames that control the conversation wait already: what only repeats itself can wait, too.
  bool has_control() const noexcept { return !control_.empty(); }

 private:
  struct Latest {
    FrameType type;
    std::uint64_t value;
  };

  void put_bulk_frame(std::vector<std::byte> frame);
  std::span<const std::byte> next_part();
  void leave(std::size_t bytes);

  std::vector<std::byte> leaving_;  // frames of which some bytes may have left
  std::size_t left_ = 0;            // of them
  std::optional<Latest> latest_;
  std::vector<std::byte> control_;
  std::deque<std::vector<std::byte>> bulk_;
  std::size_t bulk_bytes_ = 0;
};

}  // namespace coproc::inline v0::wire
