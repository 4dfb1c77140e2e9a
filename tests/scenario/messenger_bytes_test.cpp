// Messages, errors and names whose bytes are unusual, on pairs inside one process: each is a bug that there once was.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "messenger/access.hpp"

using namespace std::chrono_literals;
using coproc::Message;
using coproc::PriorityMessenger;

namespace {

struct Counted {
  static inline int decoded = 0;
  int value = 0;
};
struct Unlucky {};

/// A type whose description is longer than a record of the smallest ring.
constexpr auto kLongName = [] {
  std::array<char, 1100> name{};
  name.fill('n');
  return name;
}();
struct Long {
  int value = 0;
  static constexpr std::string_view coproc_name{kLongName.data(), kLongName.size()};
};

struct OneProcessMessengerBytes : ::testing::Test {
  std::pair<PriorityMessenger, PriorityMessenger> ends = PriorityMessenger::new_pair({.ring_bytes = 4096});
  PriorityMessenger& a = ends.first;
  PriorityMessenger& b = ends.second;
};

}  // namespace

template <>
struct coproc::Codec<Counted> {
  static constexpr std::string_view name = "Counted";
  static void encode(Encoder& encoder, const Counted& counted) { coproc::encode(encoder, counted.value); }
  static Counted decode(Decoder& decoder) {
    ++Counted::decoded;
    return {coproc::decode<int>(decoder)};
  }
};
template <>
struct coproc::Codec<Unlucky> {
  static constexpr std::string_view name = "Unlucky";
  static void encode(Encoder&, const Unlucky&) {}
  static Unlucky decode(Decoder&) { throw std::invalid_argument("never made"); }
};

namespace {

// Their values may take much more memory than their bytes, which are all that the limits count.
TEST_F(OneProcessMessengerBytes, ErrorsAreHeldAsBytes) {
  Counted::decoded = 0;
  for (int i = 0; i < 3; ++i) b.send_error(Counted{i});
  EXPECT_TRUE(coproc::detail::MessengerAccess::core(a)->try_drain());
  EXPECT_EQ(Counted::decoded, 0);
  EXPECT_THROW(a.available(), Counted);
  EXPECT_EQ(Counted::decoded, 1);
  EXPECT_THROW(a.available(), Counted);
  EXPECT_THROW(a.available(), Counted);
  EXPECT_EQ(a.available(), 0u);
}

TEST_F(OneProcessMessengerBytes, AnErrorWhoseCodecThrowsIsUnreadableAndDoesNotComeAgain) {
  b.send_error(Unlucky());
  b.send_norequest(1);
  EXPECT_THROW(a.receive_blocking<int>(), coproc::RemoteError);
  EXPECT_EQ(a.receive_blocking<int>(), 1);
}

TEST_F(OneProcessMessengerBytes, AReplyWhoseCodecThrowsStaysReceivable) {
  const auto id = a.send_request(1);
  (void)b.receive_blocking();
  b.send_reply(Unlucky());
  EXPECT_THROW(a.receive_reply<Unlucky>(id), std::invalid_argument);
  EXPECT_EQ(a.remaining(), 1u);
  EXPECT_TRUE(a.receive_reply(id).holds<Unlucky>());
  EXPECT_EQ(a.remaining(), 0u);
}

TEST_F(OneProcessMessengerBytes, ADecodeErrorAsErrorReplyAnswersItsRequest) {
  const auto id = a.send_request(1);
  b.reply_error_to(b.receive_blocking(), coproc::DecodeError("yours made no sense"));
  EXPECT_THROW(a.receive_reply<int>(id), coproc::DecodeError);
  EXPECT_EQ(a.remaining(), 0u);
  EXPECT_EQ(a.available(), 0u);
}

TEST_F(OneProcessMessengerBytes, ASystemErrorWithoutATextOfItsOwnKeepsItsText) {
  const std::system_error error(std::make_error_code(std::errc::no_such_file_or_directory));
  b.send_error(error);
  try {
    (void)a.available();
    FAIL();
  } catch (const std::system_error& received) {
    EXPECT_EQ(received.code(), error.code());
    EXPECT_STREQ(received.what(), error.what());
  }
}

TEST_F(OneProcessMessengerBytes, LongNamesOfChannelsAndTypesPassASmallRing) {
  const std::string name(4000, 'n');
  b.send_norequest(1, std::string(1000, 'n'));
  EXPECT_EQ(a.receive_for<int>(std::string(1000, 'n'), 0s), 1);
  b.send_norequest(Long());
  EXPECT_TRUE(a.receive_for(0s)->holds<Long>());
  std::thread receiver([&] { EXPECT_EQ(a.receive_blocking<int>(name), 2); });
  b.send_norequest(2, name);
  receiver.join();
}

}  // namespace
