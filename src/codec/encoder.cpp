#include "coproc/encoder.hpp"

#include <algorithm>
#include <string>

#include "coproc/errors.hpp"

namespace coproc::inline v0 {

void Encoder::grow(std::size_t size) {
  const std::size_t written = this->size();
  if (size > max_bytes_ - written) {
    throw MessageTooLargeError("a message takes more than the " + std::to_string(max_bytes_) +
                               " bytes allowed (at least " + std::to_string(written) + " + " + std::to_string(size) +
                               "): send it in parts, or raise LinkOptions::max_message_bytes");
  }
  constexpr std::size_t kLeast = 256;
  const std::size_t needed = written + size;
  const std::size_t doubled = written > max_bytes_ / 2 ? max_bytes_ : written * 2;
  const std::size_t capacity = std::max({needed, doubled, std::min(kLeast, max_bytes_)});
  if (spilled_) {
    settle();
    spill_->reserve(capacity);
  } else {
    spill_->clear();
    spill_->reserve(capacity);
    if (written != 0) std::memcpy(spill_->data(), begin_, written);
    spilled_ = true;
  }
  begin_ = spill_->data();
  at_ = begin_ + written;
  end_ = begin_ + std::min(spill_->capacity(), max_bytes_);
}

void Encoder::throw_too_deep() {
  throw InvalidArgumentError(
      "a value is nested more than " + std::to_string(detail::kMaxDepth) +
      " levels deep and was not sent: send it flat, such as a list of nodes that name each other by index");
}

}  // namespace coproc::inline v0
