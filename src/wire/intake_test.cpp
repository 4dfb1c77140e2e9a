#include "wire/intake.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace {

using coproc::wire::Beginning;
using coproc::wire::Intake;
using coproc::wire::kMarker;
using coproc::wire::take_marker;

void add(Intake& intake, std::string_view text) {
  const auto space = intake.space();
  ASSERT_GE(space.size(), text.size());
  std::memcpy(space.data(), text.data(), text.size());
  intake.add(text.size());
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(WireIntake, KeepsWhatWasNotTakenAndAlwaysHasSpaceForAFrame) {
  Intake intake;
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    const std::string piece(1000, static_cast<char>('a' + i % 26));
    ASSERT_GE(intake.space().size(), sizeof(coproc::wire::Header) + coproc::wire::kMostPayload);
    add(intake, piece);
    expected += piece;
    auto bytes = intake.bytes();
    ASSERT_EQ(text_of(bytes), expected);
    const std::size_t taken = std::min<std::size_t>(bytes.size(), i % 3 == 0 ? 2500 : 300);
    intake.keep(bytes.subspan(taken));
    expected.erase(0, taken);
    if (expected.size() > 60'000) {
      intake.keep({});
      expected.clear();
    }
  }
}

TEST(WireIntake, IsFullOnceItsSpaceIsUsedUp) {
  Intake intake;
  EXPECT_FALSE(intake.is_full());
  intake.add(intake.space().size() - 1);
  EXPECT_FALSE(intake.is_full());
  intake.add(1);
  EXPECT_TRUE(intake.is_full());
  intake.keep({});
  (void)intake.space();
  EXPECT_FALSE(intake.is_full());
}

TEST(WireIntake, FindsTheMarkerBehindWhatTheLauncherPrinted) {
  const std::string all = "Welcome!\n\ncoproc-agent: not yet\n" + std::string(kMarker) + "frames";
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    Intake intake;
    std::string printed;
    Beginning found = Beginning::nothing_yet;
    for (const std::string& part : {all.substr(0, cut), all.substr(cut)}) {
      add(intake, part);
      auto bytes = intake.bytes();
      if (found == Beginning::nothing_yet) found = take_marker(bytes, printed);
      intake.keep(bytes);
    }
    ASSERT_EQ(found, Beginning::agent) << cut;
    EXPECT_EQ(text_of(intake.bytes()), "frames") << cut;
    EXPECT_EQ(printed, "Welcome!\n\ncoproc-agent: not yet\n") << cut;
  }
}

TEST(WireIntake, FindsMarkersInTheirOrder) {
  std::string printed;
  const std::string all = std::string(coproc::wire::kProgramWanted) + "x" + std::string(coproc::wire::kAgentWanted) +
                          std::string(kMarker) + "frames";
  auto bytes = std::as_bytes(std::span(all));
  EXPECT_EQ(take_marker(bytes, printed), Beginning::program_wanted);
  EXPECT_EQ(take_marker(bytes, printed), Beginning::agent_wanted);
  EXPECT_EQ(take_marker(bytes, printed), Beginning::agent);
  EXPECT_EQ(printed, "x");
  EXPECT_EQ(bytes.size(), 6u);
}

TEST(WireIntake, KeepsOnlyTheLastOfWhatWasPrinted) {
  std::string printed;
  const std::string noise(10'000, 'x');
  auto bytes = std::as_bytes(std::span(noise));
  EXPECT_EQ(take_marker(bytes, printed), Beginning::nothing_yet);
  EXPECT_EQ(printed.size(), 4096u);
  EXPECT_LT(bytes.size(), kMarker.size());
}

}  // namespace
