// Bytes that have come in over the wire and were not taken yet.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/frame.hpp"

namespace coproc::inline v0::wire {

class Intake {
 public:
  /// Space for more bytes, at least one frame's worth.
  std::span<std::byte> space() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (buffer_.size() - end_ < kLeastSpace) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    return std::span(buffer_).subspan(end_);
  }
  /// So many bytes were put into the space.
  void add(std::size_t bytes) noexcept { end_ += bytes; }
  /// Whether the space was used up, so that more may be there than was put into it.
  bool is_full() const noexcept { return end_ == buffer_.size(); }
  std::span<const std::byte> bytes() const noexcept { return std::span(buffer_).subspan(begin_, end_ - begin_); }
  /// What is left of bytes().
  void keep(std::span<const std::byte> rest) noexcept { begin_ = end_ - rest.size(); }

 private:
  static constexpr std::size_t kLeastSpace = sizeof(Header) + kMostPayload;

  std::vector<std::byte> buffer_ = std::vector<std::byte>(4 * kLeastSpace);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// What the far side begins with.
enum class Beginning { nothing_yet, agent, agent_wanted, program_wanted };

/// Takes the next marker, and what the launcher printed before it, off the bytes. `nothing_yet`: it has not come; the
/// bytes that cannot belong to it are taken off all the same. The last of what was printed is kept in `printed`.
Beginning take_marker(std::span<const std::byte>& bytes, std::string& printed);

}  // namespace coproc::inline v0::wire
