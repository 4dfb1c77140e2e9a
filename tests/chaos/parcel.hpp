// A message that verifies itself: loss, duplication, reordering, corruption and messages of another run show.
//
// Thread safety: none needed; values.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <coproc/coproc.hpp>
#include <cstdint>
#include <string>

#include "chaos/ledger.hpp"
#include "step/step.hpp"

namespace chaos {

/// A stream of numbers that depends on nothing but its seed.
inline std::uint64_t mixed(std::uint64_t seed) noexcept {
  seed += 0x9e3779b97f4a7c15;
  seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
  seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
  return seed ^ (seed >> 31);
}

/// A lane is what keeps its order: one channel and one priority.
struct Parcel {
  std::uint32_t lane = 0;
  std::uint32_t generation = 0;
  std::uint64_t sequence = 0;
  int priority = 0;
  std::string front, back;  // in two halves, so that there is a step in the middle of the payload's copy
  std::uint64_t checksum = 0;

  std::uint64_t computed() const noexcept {
    std::uint64_t sum = mixed(lane) ^ mixed(generation + (std::uint64_t{1} << 40)) ^ mixed(mixed(sequence));
    for (const std::string* half : {&front, &back}) {
      for (const char byte : *half) sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
    return sum;
  }
};

inline Parcel make_parcel(std::uint32_t lane, std::uint32_t generation, std::uint64_t sequence, std::size_t bytes) {
  Parcel parcel{lane,
                generation,
                sequence,
                static_cast<int>(lane / 2),
                std::string(bytes / 2, '\0'),
                std::string(bytes - bytes / 2, '\0'),
                0};
  std::uint64_t state = mixed((std::uint64_t{generation} << 32) + sequence) + lane;
  for (std::string* half : {&parcel.front, &parcel.back}) {
    for (char& byte : *half) byte = static_cast<char>((state = state * 6364136223846793005 + 1) >> 56);
  }
  parcel.checksum = parcel.computed();
  return parcel;
}

/// The channel of a lane; there are two.
inline coproc::ChannelId channel_of(std::uint32_t lane) { return lane % 2 == 0 ? coproc::ChannelId() : "second"; }

/// Checks what one sender's run has sent, parcel by parcel.
class Inspector {
 public:
  explicit Inspector(std::uint32_t generation) : generation_(generation) {}

  /// Empty, or what is wrong.
  std::string accept(const Parcel& parcel) {
    const std::string name = "parcel " + std::to_string(parcel.sequence) + " of lane " + std::to_string(parcel.lane);
    if (parcel.lane >= kLanes || parcel.checksum != parcel.computed()) return name + " is corrupted";
    if (parcel.generation != generation_) return name + " is from run " + std::to_string(parcel.generation);
    const std::uint64_t expected = received_[parcel.lane]++;
    if (parcel.sequence == expected) return {};
    return name + " came in the place of " + std::to_string(expected);
  }

  /// After the sender's death: all whose send had returned have come, and at most the one in flight besides.
  void expect_nothing_lost(const Ledger& ledger) const {
    std::uint64_t in_flight = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::uint64_t returned = ledger.returned[lane].load(std::memory_order_relaxed);
      EXPECT_GE(received_[lane], returned) << "lost on lane " << lane;
      EXPECT_LE(received_[lane], ledger.begun[lane].load(std::memory_order_relaxed)) << "never sent, lane " << lane;
      in_flight += received_[lane] > returned ? received_[lane] - returned : 0;
    }
    EXPECT_LE(in_flight, 1U) << "more than one message was in flight";
  }

  std::uint64_t received() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t each : received_) sum += each;
    return sum;
  }

 private:
  std::uint32_t generation_;
  std::array<std::uint64_t, kLanes> received_{};
};

}  // namespace chaos

template <>
struct coproc::Codec<chaos::Parcel> {
  static constexpr std::string_view name = "chaos::Parcel";
  static void encode(Encoder& encoder, const chaos::Parcel& parcel) {
    coproc::encode(encoder, parcel.lane);
    coproc::encode(encoder, parcel.generation);
    coproc::encode(encoder, parcel.sequence);
    coproc::encode(encoder, parcel.priority);
    coproc::encode(encoder, parcel.front);
    coproc::step("parcel: half encoded");
    coproc::encode(encoder, parcel.back);
    coproc::encode(encoder, parcel.checksum);
  }
  static chaos::Parcel decode(Decoder& decoder) {
    chaos::Parcel parcel;
    parcel.lane = coproc::decode<std::uint32_t>(decoder);
    parcel.generation = coproc::decode<std::uint32_t>(decoder);
    parcel.sequence = coproc::decode<std::uint64_t>(decoder);
    parcel.priority = coproc::decode<int>(decoder);
    parcel.front = coproc::decode<std::string>(decoder);
    parcel.back = coproc::decode<std::string>(decoder);
    parcel.checksum = coproc::decode<std::uint64_t>(decoder);
    return parcel;
  }
};
