#include "wire/trunk_door.hpp"

#include <string>

#include "wire/next_frame.hpp"

namespace coproc::inline v0::wire {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw BrokenWire("the other end of the trunk sent " + what); }

bool is_of_branch(FrameType type) noexcept {
  return type == FrameType::credit || (type > FrameType::welcome && type <= FrameType::forget);
}

/// The bytes that a frame of this type may carry, of those that may come.
std::size_t most_of(FrameType type) noexcept {
  switch (type) {
    case FrameType::hello:
    case FrameType::opened:
    case FrameType::gone:
      return kMostSmallPayload;
    case FrameType::data:
      return kMostPayload;
    default:
      return 0;
  }
}

}  // namespace

std::optional<Frame> TrunkDoor::next(std::span<const std::byte>& bytes) {
  return next_frame(
      bytes, [&](const Header& header) { check_header(header); },
      [&](const Frame& frame) { is_of_branch(frame.type) ? check_branch(frame) : check_contents(frame); });
}

std::uint32_t TrunkDoor::open() {
  branches_.try_emplace(++last_);
  return last_;
}

void TrunkDoor::check_header(const Header& header) const {
  for (const std::uint8_t zero : header.zero) {
    if (zero != 0) refuse("a header with bits that mean nothing");
  }
  if (!may_come(header.type)) refuse(name_of(header.type) + " when it may send none");
  const std::size_t most = most_of(header.type);
  const std::size_t least = most == 0 ? 0 : 1;
  if (header.length < least || header.length > most) {
    refuse(name_of(header.type) + " with " + std::to_string(header.length) + " bytes");
  }
  if (is_of_branch(header.type) && header.type != FrameType::credit && amount_of(header.value) != 0) {
    refuse(name_of(header.type) + " with an amount");
  }
  if (header.type == FrameType::hello && header.value != 0) refuse(name_of(header.type) + " with a value");
}

bool TrunkDoor::may_come(FrameType type) const noexcept {
  switch (type) {
    case FrameType::hello:
      return side_ == Side::near && !has_greeted_;
    case FrameType::welcome:
      return side_ == Side::far && !has_greeted_;
    case FrameType::data:
    case FrameType::credit:
    case FrameType::end:
      return has_greeted_;
    case FrameType::opened:
    case FrameType::gone:
    case FrameType::ping:
      return side_ == Side::near && has_greeted_;
    case FrameType::open:
    case FrameType::forget:
    case FrameType::pong:
      return side_ == Side::far && has_greeted_;
    default:
      return false;
  }
}

void TrunkDoor::check_contents(const Frame& frame) {
  switch (frame.type) {
    case FrameType::hello:
      (void)read_hello(frame.payload);
      has_greeted_ = true;
      return;
    case FrameType::welcome:
      if (frame.value == 0 || frame.value > static_cast<std::uint64_t>(INT64_MAX)) refuse("a silence that cannot be");
      has_greeted_ = true;
      return;
    case FrameType::ping:
      if (frame.value <= heard_) refuse("a ping with a number that it has used");
      heard_ = frame.value;
      return;
    default:  // pong
      if (frame.value <= heard_ || frame.value > pinged_) refuse("an answer to a ping that there was not");
      heard_ = frame.value;
      return;
  }
}

void TrunkDoor::check_branch(const Frame& frame) {
  const std::uint32_t number = branch_of(frame.value);
  if (frame.type == FrameType::open) return check_open(number);
  const auto at = branches_.find(number);
  if (at == branches_.end())
    refuse(name_of(frame.type) + " of branch " + std::to_string(number) + ", which there is not");
  Branch& branch = at->second;
  if (branch.is_gone) refuse(name_of(frame.type) + " of a branch that it has given up");
  if (side_ == Side::near && branch.is_answered == (frame.type == FrameType::opened)) {
    refuse(name_of(frame.type) +
           (branch.is_answered ? ", which it has sent before" : " of a branch that is not open yet"));
  }
  switch (frame.type) {
    case FrameType::opened:
      (void)read_started(frame.payload);
      branch.is_answered = true;
      return;
    case FrameType::data:
      if (branch.has_ended) refuse("more of a branch than its end");
      if (!branch.windows.in.take(frame.payload.size())) refuse("more of a branch than its window allows");
      return;
    case FrameType::credit:
      if (!branch.windows.out.give_back(amount_of(frame.value))) refuse("more credit than was used");
      return;
    case FrameType::end:
      if (branch.has_ended) refuse("the end of a branch a second time");
      branch.has_ended = true;
      return;
    case FrameType::gone:
      if (!branch.has_ended) refuse("that an agent has gone whose output has no end");
      (void)read_ended(frame.payload);
      branch.is_gone = true;
      return;
    default:  // forget
      if (!branch.may_be_forgotten) refuse("that a branch is to be forgotten whose agent has not gone");
      branches_.erase(at);
      return;
  }
}

void TrunkDoor::check_open(std::uint32_t number) {
  if (last_ == kLastBranch || number != last_ + 1) refuse("a new branch that does not have the next number");
  (void)open();
}

}  // namespace coproc::inline v0::wire
