// Whatever an agent sends through a trunk, the door of the other end lets nothing pass that breaks the rules: a frame
// is refused with BrokenWire, or it is the next step of a branch that there is. The rules stand here a second time, so
// that a check which is missing in the door shows.
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "check.hpp"
#include "input.hpp"
#include "wire/contents.hpp"
#include "wire/frame_for_test.hpp"
#include "wire/trunk_door.hpp"

namespace fuzz {
namespace {

using namespace coproc;
using wire::amount_of;
using wire::branch_of;
using wire::branch_value;
using wire::FrameType;
using wire::kWindow;
using wire::Side;

/// What both ends have said of a branch.
struct Branch {
  std::size_t may_come = kWindow;  // bytes of data
  std::size_t was_sent = 0;        // bytes of data that no credit has come for
  std::size_t held = 0;            // bytes of data that this end has not passed on
  bool is_answered = false, has_ended = false, is_gone = false, may_be_forgotten = false;
};

class End {
 public:
  explicit End(Side side) : side_(side), door_(side) {}

  /// The end on this side does something of its own accord.
  void act(Input& input) {
    const std::uint32_t number = some_branch(input);
    switch (input.below(5)) {
      case 0:
        if (side_ == Side::near && door_.may_open()) branches_[door_.open()];
        return;
      case 1:
        if (side_ == Side::far) door_.expect_pong(++pinged_);
        return;
      case 2: {
        if (number == 0 || !door_.windows_of(number).out.has(9000)) return;
        door_.windows_of(number).out.spend(9000);
        branches_[number].was_sent += 9000;
        return;
      }
      case 3: {
        if (number == 0) return;
        Branch& branch = branches_[number];
        branch.may_come += door_.windows_of(number).in.pass_on(branch.held);
        branch.held = 0;
        return;
      }
      default:
        give_up(number);
    }
  }
  /// The end on the other side sends these bytes, in addition to what was left of those before.
  void take(const std::vector<std::byte>& bytes) {
    left_.insert(left_.end(), bytes.begin(), bytes.end());
    std::span<const std::byte> rest(left_);
    while (const auto frame = door_.next(rest)) check(*frame);
    left_.erase(left_.begin(), left_.end() - static_cast<std::ptrdiff_t>(rest.size()));
    demand(door_.branches() == branches_.size(), "the table holds other branches than there are");
  }
  /// One of those that there are, or 0 if there are none.
  std::uint32_t some_branch(Input& input) const {
    const std::size_t which = input.byte();
    if (branches_.empty()) return 0;
    return std::next(branches_.begin(), static_cast<std::ptrdiff_t>(which % branches_.size()))->first;
  }
  std::uint32_t newest() const noexcept { return newest_; }
  Side side() const noexcept { return side_; }

 private:
  void give_up(std::uint32_t number) {
    if (number == 0) return;
    if (side_ == Side::far) {
      door_.expect_forget(number);
      branches_[number].may_be_forgotten = true;
    } else if (branches_[number].is_gone) {
      door_.forget(number);
      branches_.erase(number);
    }
  }

  void check(const wire::Frame& frame) {
    demand(frame.payload.size() <= wire::kMostPayload, "a frame is larger than a frame may be");
    const bool is_near = side_ == Side::near;
    if (frame.type == FrameType::hello || frame.type == FrameType::welcome) {
      demand(is_near == (frame.type == FrameType::hello), "a greeting of the wrong end");
      demand(!has_greeted_, "a second greeting");
      has_greeted_ = true;
      return;
    }
    demand(has_greeted_, "something before the greeting");
    if (frame.type == FrameType::ping) return demand(is_near && is_new(frame.value), "a ping that cannot be");
    if (frame.type == FrameType::pong) {
      return demand(!is_near && is_new(frame.value) && frame.value <= pinged_, "an answer to no ping");
    }
    if (frame.type == FrameType::open) return check_open(branch_of(frame.value));
    const auto at = branches_.find(branch_of(frame.value));
    demand(at != branches_.end(), "a frame of a branch that there is not");
    check(frame, at->second);
    if (frame.type == FrameType::forget) branches_.erase(at);
  }
  void check_open(std::uint32_t number) {
    demand(side_ == Side::far && number == newest_ + 1, "a branch with a number that cannot be");
    branches_[newest_ = number];
  }
  void check(const wire::Frame& frame, Branch& branch) {
    demand(!branch.is_gone, "a frame of a branch that has gone");
    if (side_ == Side::near) demand(branch.is_answered != (frame.type == FrameType::opened), "no answer, or two");
    switch (frame.type) {
      case FrameType::opened:
        (void)wire::read_started(frame.payload);
        branch.is_answered = true;
        return;
      case FrameType::data:
        demand(!branch.has_ended && !frame.payload.empty(), "data that cannot be");
        demand(frame.payload.size() <= branch.may_come, "more data than the window allows");
        branch.may_come -= frame.payload.size();
        branch.held += frame.payload.size();
        return;
      case FrameType::credit:
        demand(amount_of(frame.value) <= branch.was_sent, "more credit than was used");
        branch.was_sent -= amount_of(frame.value);
        return;
      case FrameType::end:
        demand(!branch.has_ended, "a second end");
        branch.has_ended = true;
        return;
      case FrameType::gone:
        demand(side_ == Side::near && branch.has_ended, "an agent has gone whose output has no end");
        demand(!remote::status_of(wire::read_ended(frame.payload), "machine").describe().empty(),
               "an end without words");
        branch.is_gone = true;
        return;
      case FrameType::forget:
        demand(side_ == Side::far && branch.may_be_forgotten, "a branch is forgotten whose agent has not gone");
        return;
      default:
        demand(false, "a frame that is of no trunk");
    }
  }
  bool is_new(std::uint64_t number) {
    const bool is_new = number > heard_;
    heard_ = number;
    return is_new;
  }

  const Side side_;
  wire::TrunkDoor door_;
  std::map<std::uint32_t, Branch> branches_;
  std::vector<std::byte> left_;
  bool has_greeted_ = false;
  std::uint32_t newest_ = 0;
  std::uint64_t pinged_ = 0, heard_ = 0;
};

std::string contents_of(FrameType type, Input& input) {
  using wire::testing::text_of;
  if (input.byte() < 200) {
    if (type == FrameType::hello) return text_of(wire::to_payload(wire::own_hello()));
    if (type == FrameType::opened) return to_bytes(remote::StartAnswer{.pid = 1});
    if (type == FrameType::gone) return to_bytes(remote::WorkerEnd{});
    if (type == FrameType::data) return std::string(1 + input.number<std::uint16_t>(), 'd');
    return {};
  }
  const auto any = input.bytes(input.byte());
  return {reinterpret_cast<const char*>(any.data()), any.size()};
}

/// The bytes that come in: mostly frames whose form is right, so that what is behind the first checks is reached.
std::vector<std::byte> next_bytes(const End& end, Input& input) {
  const std::uint8_t kind = input.byte();
  if (kind < 8) {
    const auto any = input.bytes(input.byte());
    return {any.begin(), any.end()};
  }
  constexpr FrameType kTypes[] = {FrameType::hello, FrameType::welcome, FrameType::open,   FrameType::opened,
                                  FrameType::data,  FrameType::end,     FrameType::credit, FrameType::gone,
                                  FrameType::ping,  FrameType::pong,    FrameType::forget, FrameType::records};
  const FrameType type = kTypes[kind % std::size(kTypes)];
  std::uint64_t value = 0;
  if (input.byte() < 10) {
    value = input.number<std::uint64_t>();
  } else if (type == FrameType::open) {
    value = branch_value(end.newest() + 1);
  } else if (type == FrameType::ping || type == FrameType::pong || type == FrameType::welcome) {
    value = input.byte();
  } else if (type != FrameType::hello) {
    const std::uint32_t branch = end.some_branch(input);
    value = branch_value(branch, type == FrameType::credit ? input.number<std::uint16_t>() : 0);
  }
  return wire::testing::frame(type, value, contents_of(type, input));
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fuzz;
  Input input(data, size);
  End end(input.byte() % 2 == 0 ? Side::near : Side::far);
  try {
    if (input.byte() < 240) {
      if (end.side() == Side::far)
        end.take(wire::testing::frame(FrameType::welcome, 5'000'000'000));
      else
        end.take(
            wire::testing::frame(FrameType::hello, 0, wire::testing::text_of(wire::to_payload(wire::own_hello()))));
    }
    while (!input.empty()) {
      if (input.byte() % 3 == 0) {
        end.act(input);
        continue;
      }
      std::vector<std::byte> bytes = next_bytes(end, input);
      if (!bytes.empty() && input.byte() < 8) bytes.resize(input.number<std::uint16_t>() % bytes.size() + 1);
      end.take(bytes);
    }
  } catch (const wire::BrokenWire& error) {
    demand(error.what()[0] != '\0', "a refusal without a word");
  }
  return 0;
}
