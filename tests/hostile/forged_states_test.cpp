// States that a peer saves against the rules, or more of them than anybody needs: they cost the host one state, or one
// error.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hostile/allocated.hpp"
#include "hostile/bare_peer.hpp"
#include "messenger/supervisor.hpp"

using namespace std::chrono_literals;
using coproc::link::FrameKind;

namespace {

constexpr std::size_t kMost = 12'000;

/// Keeps states, and starts nothing.
struct KeepsStates final : coproc::detail::PeerSupervisor {
  coproc::detail::Replacement replace_worker(const coproc::Error&, const coproc::os::Deadline& deadline) override {
    return {coproc::detail::Replaced::and_throw, nullptr, deadline};
  }
  std::size_t max_state_bytes() const noexcept override { return kMost; }
};

struct OneProcessForgedStates : hostile::BarePeer {
  void SetUp() override {
    core().set_supervisor(supervisor);
    declare<int>();
  }
  coproc::detail::Core& core() { return *coproc::detail::MessengerAccess::core(host); }
  std::shared_ptr<const coproc::detail::SavedState> newest() { return core().take_in_saved_state(); }
  bool save(std::size_t bytes) {
    return put({.kind = FrameKind::state, .type = 1}, std::vector<std::byte>(bytes, std::byte{7}));
  }
  bool reply_with_state(std::size_t state, std::uint64_t stated, std::uint64_t type = 1) {
    std::vector<std::byte> payload(4 + state);
    const coproc::link::StateTrailer trailer{stated, type};
    const auto* const bytes = reinterpret_cast<const std::byte*>(&trailer);
    payload.insert(payload.end(), bytes, bytes + sizeof trailer);
    return put({.kind = FrameKind::reply, .flags = coproc::link::kSavesState, .type = 1}, payload);
  }

  std::shared_ptr<KeepsStates> supervisor = std::make_shared<KeepsStates>();
};

}  // namespace

TEST_F(OneProcessForgedStates, AFloodOfThemCostsOne) {
  ASSERT_TRUE(save(kMost));
  EXPECT_FALSE(host.receive_for(0s));
  const std::size_t before = hostile::allocated_bytes();
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(save(kMost - static_cast<std::size_t>(i % 100)));
    EXPECT_FALSE(host.receive_for(0s));
  }
  EXPECT_LE(hostile::allocated_bytes(), before + kMost);
  EXPECT_EQ(newest()->bytes.size(), kMost - 99);
}

TEST_F(OneProcessForgedStates, RepliesThatWaitDoNotHoldTheirs) {
  constexpr std::size_t kReplies = 1000;
  const std::size_t before = hostile::allocated_bytes();
  for (std::size_t i = 0; i < kReplies; ++i) {
    ASSERT_TRUE(reply_with_state(kMost, kMost));
    EXPECT_EQ(host.available(), i + 1);
  }
  EXPECT_LE(hostile::allocated_bytes(), before + 2 * kMost + kReplies * 600);
  EXPECT_EQ(host.receive_blocking<int>(), 0);
}

TEST_F(OneProcessForgedStates, ThatAreTooLargeAreRefused) {
  ASSERT_TRUE(save(3));
  ASSERT_TRUE(save(kMost + 1));
  EXPECT_THROW((void)host.receive_for(0s), coproc::ProtocolError);
  EXPECT_EQ(newest()->bytes.size(), 3U);
}

TEST_F(OneProcessForgedStates, WithSizesThatLieAreRefusedWithTheirReplies) {
  ASSERT_TRUE(save(3));
  ASSERT_TRUE(reply_with_state(8, 13));
  EXPECT_THROW((void)host.receive_for(0s), coproc::ProtocolError);
  EXPECT_EQ(host.queued(), 0U);
  EXPECT_EQ(newest()->bytes.size(), 3U);
}

TEST_F(OneProcessForgedStates, OfTypesThatNobodyDeclaredAreRefused) {
  ASSERT_TRUE(reply_with_state(8, 8, 2));
  EXPECT_THROW((void)host.receive_for(0s), coproc::ProtocolError);
  EXPECT_EQ(newest(), nullptr);
}

namespace {
using OneProcessForgedStatesOfAPlainHost = hostile::BarePeer;
}

TEST_F(OneProcessForgedStatesOfAPlainHost, AreRefused) {
  declare<int>();
  ASSERT_TRUE(put({.kind = FrameKind::state, .type = 1}));
  EXPECT_THROW((void)host.receive_for(0s), coproc::ProtocolError);
}
