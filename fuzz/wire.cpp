// Whatever an agent sends, the door of the other one lets nothing pass that breaks the rules: a frame is refused with
// BrokenWire, or it is what it says. And what has passed can be relayed into a link, whose ring stays whole.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "agent/relay.hpp"
#include "check.hpp"
#include "input.hpp"
#include "link/link.hpp"
#include "wire/contents.hpp"
#include "wire/door.hpp"
#include "wire/intake.hpp"
#include "wire/outbox.hpp"

namespace fuzz {
namespace {

using namespace coproc;
using wire::FrameType;
using wire::Side;

constexpr std::size_t kRingBytes = 4096;

/// The bytes that come in: mostly frames whose form is right, so that what is behind the first checks is reached.
class Peer {
 public:
  explicit Peer(Side receiver) : receiver_(receiver) {}

  std::vector<std::byte> next(Input& input) {
    const std::uint8_t kind = input.byte();
    if (kind < 16) {
      const auto any = input.bytes(input.number<std::uint16_t>() % 200);
      return {any.begin(), any.end()};
    }
    // The types up to 15, each by many numbers; and those above, one of which there is not.
    const auto type = static_cast<FrameType>(kind < 224 ? kind % 16 : 16 + kind % (wire::kLastType - 14));
    const bool is_small = kind < 200 || kind >= 224;
    const std::uint64_t value = is_small ? input.byte() % 4 : input.number<std::uint64_t>();
    return frame(type, value, payload_for(type, input));
  }
  /// What makes the worker run.
  std::vector<std::byte> beginning() const {
    if (receiver_ == Side::far) return frame(FrameType::start, 0, wire::to_payload("request"));
    return frame(FrameType::hello, 0, wire::to_payload(wire::own_hello()));
  }
  static std::vector<std::byte> started() {
    remote::StartAnswer answer;
    answer.pid = 1;
    return frame(FrameType::started, 0, wire::to_payload(to_bytes(answer)));
  }

 private:
  static std::vector<std::byte> frame(FrameType type, std::uint64_t value, std::span<const std::byte> payload) {
    wire::Outbox outbox;
    outbox.put_bulk(type, value, payload);
    std::vector<std::byte> bytes;
    outbox.flush([&](std::span<const std::byte> part) {
      bytes.insert(bytes.end(), part.begin(), part.end());
      return part.size();
    });
    return bytes;
  }

  static std::vector<std::byte> payload_for(FrameType type, Input& input) {
    if (type == FrameType::records) return records(input);
    if (input.byte() < 100) {
      if (type == FrameType::stuck) return wire::to_payload(wire::Stuck{1, 2, 3, 4});
      if (type == FrameType::signal) return wire::to_payload(remote::SignalOrder{input.byte(), true, input.byte()});
      if (type == FrameType::ended) return wire::to_payload(to_bytes(an_end(input)));
      if (type == FrameType::close || type == FrameType::credit || type == FrameType::overtaking) return {};
      if (type == FrameType::ping || type == FrameType::pong || type == FrameType::lease_over) return {};
    }
    const auto any = input.bytes(input.byte());
    return {any.begin(), any.end()};
  }
  static remote::WorkerEnd an_end(Input& input) {
    remote::WorkerEnd end;
    end.how = static_cast<remote::WorkerEnd::How>(input.byte() % 6);
    end.value = input.number<std::int16_t>();
    end.user_us = input.number<std::int8_t>();
    end.text = std::string(input.byte(), 'l');
    if (input.byte() < 100) end.crash_area = std::string(remote::kMostCrashBytes, 'c');
    return end;
  }
  static std::vector<std::byte> records(Input& input) {
    std::vector<std::byte> all;
    for (std::size_t left = input.below(8); left != 0; --left) {
      std::uint32_t length = 4 + input.number<std::uint16_t>() % 1100;
      std::vector<std::byte> record(length, std::byte{input.byte()});
      if (input.byte() == 0) length = input.number<std::uint32_t>();
      std::memcpy(record.data(), &length, sizeof length);
      all.insert(all.end(), record.begin(), record.end());
    }
    return all;
  }

  Side receiver_;
};

/// What the door promises of a frame that has passed.
void check(const wire::Frame& frame, std::size_t most_record) {
  demand(frame.payload.size() <= wire::kMostPayload, "a frame is larger than a frame may be");
  if (frame.type == FrameType::records) {
    auto rest = frame.payload;
    while (!rest.empty()) {
      std::uint32_t length = 0;
      demand(rest.size() >= sizeof length, "a part of a record has passed");
      std::memcpy(&length, rest.data(), sizeof length);
      demand(length >= wire::kLeastRecord && length <= most_record && length <= rest.size(), "a record does not fit");
      rest = rest.subspan(length);
    }
  }
  if (frame.type == FrameType::output) demand(frame.value == 1 || frame.value == 2, "output of no stream");
  if (frame.type == FrameType::stuck) (void)wire::read_stuck(frame.payload);
  if (frame.type == FrameType::signal) (void)wire::read_signal(frame.payload);
  if (frame.type == FrameType::started) (void)wire::read_started(frame.payload);
  if (frame.type == FrameType::ended) {
    const auto end = wire::read_ended(frame.payload);
    demand(!remote::status_of(end, "machine").describe().empty(), "an end without words");
  }
}

/// The process that reads the link: its ring must be whole, and hold records of possible sizes.
void read_all(link::Link& link, std::uint64_t& bytes) {
  while (link.look()) {
    const auto record = link.front();
    demand(record.size() >= wire::kLeastRecord, "a record is too small");
    bytes += record.size();
    link.pop();
    link.release();
  }
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fuzz;
  Input input(data, size);
  const Side side = input.byte() % 2 == 0 ? Side::near : Side::far;
  LinkOptions options;
  options.ring_bytes = kRingBytes;
  options.loan_bytes = 64 * 1024;
  auto [own, user] = link::make_inproc_pair(options);
  wire::Windows windows;
  wire::Outbox outbox;
  agent::Relay relay(*own, outbox, windows);
  wire::Door door(side, windows);
  door.set_max_record(own->max_record());
  door.expect_pong(2);
  wire::Intake intake;
  Peer peer(side);
  std::uint64_t taken = 0, read = 0;

  const auto take = [&](const std::vector<std::byte>& bytes) {
    const auto space = intake.space();
    demand(space.size() >= bytes.size(), "the intake has no space for a frame");
    std::memcpy(space.data(), bytes.data(), bytes.size());
    intake.add(bytes.size());
    auto rest = intake.bytes();
    while (const auto frame = door.next(rest)) {
      check(*frame, own->max_record());
      if (frame->type == FrameType::records) {
        taken += frame->payload.size();
        relay.take_records(frame->payload);
      }
      if (frame->type == FrameType::overtaking) relay.take_overtaking();
    }
    intake.keep(rest);
  };
  try {
    if (input.byte() < 240) take(peer.beginning());
    if (side == Side::near && input.byte() < 240) {
      door.expect_answer();
      take(Peer::started());
    }
    while (!input.empty()) {
      std::vector<std::byte> bytes = peer.next(input);
      if (bytes.empty()) continue;
      if (input.byte() < 30) bytes.resize(input.byte() % bytes.size() + 1);
      take(bytes);
      if (input.byte() % 4 != 0) read_all(*user, read);
      relay.deliver();
    }
  } catch (const wire::BrokenWire& error) {
    demand(error.what()[0] != '\0', "a refusal without a word");
  }
  do {
    read_all(*user, read);
  } while (relay.deliver());
  read_all(*user, read);
  demand(relay.has_delivered_all() && read == taken, "what had passed was not delivered");
  return 0;
}
