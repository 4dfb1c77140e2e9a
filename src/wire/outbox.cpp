#include "wire/outbox.hpp"

#include <cstring>
#include <utility>

namespace coproc::inline v0::wire {

namespace {

void append(std::vector<std::byte>& to, FrameType type, std::uint64_t value, std::span<const std::byte> payload) {
  const Header header{static_cast<std::uint32_t>(payload.size()), type, {}, value};
  const auto bytes = std::as_bytes(std::span(&header, 1));
  to.insert(to.end(), bytes.begin(), bytes.end());
  to.insert(to.end(), payload.begin(), payload.end());
}

}  // namespace

void Outbox::put_control(FrameType type, std::uint64_t value, std::span<const std::byte> payload) {
  append(control_, type, value, payload);
}

void Outbox::put_bulk(FrameType type, std::uint64_t value, std::span<const std::byte> payload) {
  std::vector<std::byte> frame;
  frame.reserve(sizeof(Header) + payload.size());
  append(frame, type, value, payload);
  put_bulk_frame(std::move(frame));
}

void Outbox::put_bulk_in_place(FrameType type, std::vector<std::byte> frame) {
  const Header header{static_cast<std::uint32_t>(frame.size() - sizeof(Header)), type, {}, 0};
  std::memcpy(frame.data(), &header, sizeof header);
  put_bulk_frame(std::move(frame));
}

void Outbox::put_bulk_frame(std::vector<std::byte> frame) {
  bulk_bytes_ += frame.size();
  bulk_.push_back(std::move(frame));
}

void Outbox::put_raw(std::span<const std::byte> bytes) { control_.insert(control_.end(), bytes.begin(), bytes.end()); }

std::span<const std::byte> Outbox::next_part() {
  if (leaving_.empty()) {
    left_ = 0;
    if (!control_.empty()) {
      leaving_.swap(control_);
    } else if (latest_) {
      append(leaving_, latest_->type, latest_->value, {});
      latest_.reset();
    } else if (!bulk_.empty()) {
      leaving_ = std::move(bulk_.front());
      bulk_.pop_front();
      bulk_bytes_ -= leaving_.size();
    }
  }
  return std::span<const std::byte>(leaving_).subspan(left_);
}

void Outbox::leave(std::size_t bytes) {
  left_ += bytes;
  if (left_ == leaving_.size()) leaving_.clear();
}

}  // namespace coproc::inline v0::wire
