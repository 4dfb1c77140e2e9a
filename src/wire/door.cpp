#include "wire/door.hpp"

#include <string>

#include "wire/next_frame.hpp"

namespace coproc::inline v0::wire {

namespace {

constexpr std::uint64_t kMostStartBytes = std::uint64_t{1} << 40;
constexpr std::size_t kMostBrokenText = 4096;

/// What a frame of this type may carry.
struct Shape {
  std::size_t least;
  std::size_t most;
  bool has_value;
};

Shape shape_of(FrameType type) noexcept {
  switch (type) {
    case FrameType::hello:
    case FrameType::started:
    case FrameType::ended:
      return {1, kMostSmallPayload, false};
    case FrameType::start:
      return {1, kMostPayload, true};
    case FrameType::records:
      return {kLeastRecord, kMostPayload, false};
    case FrameType::stuck:
      return {1, kMostSmallPayload, true};
    case FrameType::broken:
      return {0, kMostBrokenText, false};
    case FrameType::signal:
      return {1, kMostSmallPayload, false};
    case FrameType::output:
      return {1, kMostPayload, true};
    case FrameType::credit:
    case FrameType::output_credit:
    case FrameType::ping:
    case FrameType::pong:
      return {0, 0, true};
    case FrameType::overtaking:
    case FrameType::close:
    case FrameType::exit:
    case FrameType::lease_over:
    default:  // those of trunks, which may_come() refuses
      break;
  }
  return {0, 0, false};
}

[[noreturn]] void refuse(const std::string& what) { throw BrokenWire("the other agent sent " + what); }

}  // namespace

std::optional<Frame> Door::next(std::span<const std::byte>& bytes) {
  return next_frame(
      bytes, [&](const Header& header) { check_header(header); }, [&](const Frame& frame) { check_contents(frame); });
}

void Door::check_header(const Header& header) const {
  const auto number = static_cast<std::uint8_t>(header.type);
  if (number < 1 || number > kLastType) refuse(name_of(header.type) + ", which there is not");
  for (const std::uint8_t zero : header.zero) {
    if (zero != 0) refuse("a header with bits that mean nothing");
  }
  if (!may_come(header.type)) refuse(name_of(header.type) + " when it may send none");
  const Shape shape = shape_of(header.type);
  if (header.length < shape.least || header.length > shape.most) {
    refuse(name_of(header.type) + " with " + std::to_string(header.length) + " bytes");
  }
  if (!shape.has_value && header.value != 0) refuse(name_of(header.type) + " with a value");
}

bool Door::may_come(FrameType type) const noexcept {
  const bool is_alive = phase_ == Phase::running, has_ended = phase_ == Phase::ended;
  if (side_ == Side::far) {
    switch (type) {
      case FrameType::start:
        return phase_ == Phase::greeting;
      case FrameType::records:
      case FrameType::overtaking:
      case FrameType::credit:
      case FrameType::close:
      case FrameType::signal:
      case FrameType::output_credit:
      case FrameType::pong:
        return is_alive;
      default:
        return false;
    }
  }
  switch (type) {
    case FrameType::hello:
      return phase_ == Phase::greeting;
    case FrameType::started:
      return phase_ == Phase::starting;
    case FrameType::records:
    case FrameType::overtaking:
      return (is_alive || has_ended) && !is_broken_;
    case FrameType::credit:
    case FrameType::output:
    case FrameType::close:
    case FrameType::ping:
    case FrameType::lease_over:
      return is_alive || has_ended;
    case FrameType::stuck:
      return is_alive;
    case FrameType::broken:
      return (is_alive || has_ended) && !is_broken_;
    case FrameType::ended:
      return is_alive;
    case FrameType::exit:
      return has_ended;
    default:
      return false;
  }
}

void Door::check_contents(const Frame& frame) {
  switch (frame.type) {
    case FrameType::hello:
      (void)read_hello(frame.payload);
      phase_ = Phase::greeted;
      break;
    case FrameType::start:
      check_start(frame);
      break;
    case FrameType::started:
      phase_ = read_started(frame.payload).pid != 0 ? Phase::running : Phase::over;
      break;
    case FrameType::records:
      check_records(frame.payload);
      break;
    case FrameType::credit:
      if (!windows_.records_out.give_back(frame.value)) refuse("more credit than was used");
      break;
    case FrameType::output:
      if (frame.value != 1 && frame.value != 2) refuse("output of a stream that there is not");
      if (!windows_.output_in.take(frame.payload.size())) refuse("more output than it may");
      break;
    case FrameType::output_credit:
      if (!windows_.output_out.give_back(frame.value)) refuse("more credit for output than was used");
      break;
    case FrameType::stuck:
      if (frame.value > 1) refuse("that it is neither stuck nor not");
      (void)read_stuck(frame.payload);
      break;
    case FrameType::broken:
      is_broken_ = true;
      break;
    case FrameType::signal:
      (void)read_signal(frame.payload);
      break;
    case FrameType::ended:
      (void)read_ended(frame.payload);
      phase_ = Phase::ended;
      break;
    case FrameType::exit:
    case FrameType::lease_over:
      phase_ = Phase::over;
      break;
    case FrameType::ping:
      if (frame.value <= heard_) refuse("a ping with a number that it has used");
      heard_ = frame.value;
      break;
    case FrameType::pong:
      if (frame.value <= heard_ || frame.value > pinged_) refuse("an answer to a ping that there was not");
      heard_ = frame.value;
      break;
    case FrameType::overtaking:
    case FrameType::close:
    default:
      break;
  }
}

void Door::check_records(std::span<const std::byte> payload) {
  if (!windows_.records_in.take(payload.size())) refuse("more records than it may");
  while (!payload.empty()) {
    std::uint32_t length = 0;
    if (payload.size() < sizeof length) refuse("a part of a record");
    std::memcpy(&length, payload.data(), sizeof length);
    if (length < kLeastRecord || length > max_record_) {
      refuse("a record of " + std::to_string(length) + " bytes, where the largest has " + std::to_string(max_record_));
    }
    if (length > payload.size()) refuse("a part of a record");
    payload = payload.subspan(length);
  }
}

void Door::check_start(const Frame& frame) {
  const std::uint64_t left = start_left_.value_or(frame.value + frame.payload.size());
  if (left > kMostStartBytes || frame.value > kMostStartBytes) refuse("a start request that is too large");
  if (left < frame.payload.size() || left - frame.payload.size() != frame.value) {
    refuse("a piece of a start request that does not fit the one before");
  }
  start_left_ = frame.value;
  if (frame.value == 0) phase_ = Phase::running;
}

}  // namespace coproc::inline v0::wire
