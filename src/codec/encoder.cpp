#include "coproc/encoder.hpp"

#include <algorithm>
#include <string>

#include "coproc/errors.hpp"

namespace coproc::inline v0 {

void Encoder::grow(std::size_t size) {
  const std::size_t written = this->size();
  if (size > max_bytes_ - written) throw_too_large(written, size);
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

void Encoder::throw_too_large(std::size_t written, std::size_t size) const {
  throw MessageTooLargeError("a message takes more than the " + std::to_string(max_bytes_) +
                             " bytes allowed (at least " + std::to_string(written) + " + " + std::to_string(size) +
                             "): send it in parts, or raise LinkOptions::max_message_bytes");
}

// ---- loans ----

void Encoder::check_room_for_loan(std::size_t size) const {
  const std::size_t taken = this->size() + loans_->lent_bytes();
  if (taken > max_bytes_ || size > max_bytes_ - taken) throw_too_large(taken, size);
}

bool Encoder::lend_copy(const void* data, std::size_t count, std::size_t size) {
  if (loans_ == nullptr) return false;
  check_room_for_loan(count * size);
  const auto number = loans_->lend_copy(data, count * size);
  if (!number) return false;
  scalar(count | detail::kLentBit);
  scalar(*number);
  return true;
}

void Encoder::block(const detail::LoanHandle& handle, std::size_t count) {
  if (loans_ != nullptr && handle.bytes() != 0) {
    check_room_for_loan(handle.bytes());
    if (const auto number = loans_->lend(handle)) {
      scalar(count | detail::kLentBit);
      scalar(*number);
      return;
    }
  }
  length(count);
  bytes(handle.data(), handle.bytes());
}

void Encoder::throw_too_deep() {
  throw InvalidArgumentError(
      "a value is nested more than " + std::to_string(detail::kMaxDepth) +
      " levels deep and was not sent: send it flat, such as a list of nodes that name each other by index");
}

}  // namespace coproc::inline v0
