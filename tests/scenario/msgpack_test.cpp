// MessagePack as the codec: what it carries, and bytes that lie.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>
#include <coproc/msgpack.hpp>

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

using coproc::DecodeError;
using coproc::Msgpack;
using coproc::MsgpackArray;
using coproc::PriorityMessenger;

namespace {

struct Line {
  std::string item;
  int count = 0;
  MSGPACK_DEFINE_MAP(item, count)
  bool operator==(const Line&) const = default;
};

/// Bytes that claim to be MessagePack.
struct Raw {
  std::vector<char> bytes;
};

struct OneProcessMsgpack : ::testing::Test {
  std::pair<PriorityMessenger, PriorityMessenger> ends = PriorityMessenger::new_pair();
  PriorityMessenger& a = ends.first;
  PriorityMessenger& b = ends.second;

  template <class T>
  T through(const T& value) {
    a.send_norequest(Msgpack<T>{value});
    return b.receive_blocking<Msgpack<T>>().value;
  }
  void send_raw(std::initializer_list<int> bytes) {
    Raw raw;
    for (const int byte : bytes) raw.bytes.push_back(static_cast<char>(byte));
    a.send_norequest(raw);
  }
};

}  // namespace

template <>
struct coproc::Codec<Raw> {
  static constexpr std::string_view name = "coproc.msgpack";
  static void encode(Encoder& encoder, const Raw& raw) { encoder.block(raw.bytes.data(), raw.bytes.size(), 1); }
  static Raw decode(Decoder&) { return {}; }
};

TEST_F(OneProcessMsgpack, ValuesArriveAsTheyWere) {
  EXPECT_EQ(through(7), 7);
  EXPECT_EQ(through(std::string("text")), "text");
  EXPECT_EQ(through(Line{"bolt", 12}), (Line{"bolt", 12}));
  EXPECT_EQ(through(std::vector<Line>{{"a", 1}, {"b", 2}}).back().item, "b");
  EXPECT_EQ(through(std::map<std::string, double>{{"x", 0.5}}).at("x"), 0.5);
  EXPECT_EQ(through(std::optional<int>()), std::nullopt);
  EXPECT_EQ(through(std::string(1 << 20, 'x')).size(), 1u << 20);
  const auto array = through(MsgpackArray<float>{{2, 3}, {1, 2, 3, 4, 5, 6}});
  EXPECT_EQ(array.shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(array.values.back(), 6.0f);
  EXPECT_TRUE(through(MsgpackArray<std::int64_t>{{0, 3}, {}}).values.empty());
}

TEST_F(OneProcessMsgpack, AnotherValueIsADecodeErrorAndStaysReceivable) {
  a.send_norequest(Msgpack{std::string("text")});
  EXPECT_THROW(b.receive_blocking<Msgpack<int>>(), DecodeError);
  EXPECT_EQ(b.receive_blocking().get<Msgpack<std::string>>().value, "text");
  EXPECT_THROW(through(MsgpackArray<float>{{3}, {1, 2}}), DecodeError);  // a shape that is not the elements'
  EXPECT_EQ(b.receive_available().size(), 1u);
  a.send_norequest(Msgpack{MsgpackArray<float>{{1}, {1}}});
  EXPECT_THROW(b.receive_blocking<Msgpack<MsgpackArray<double>>>(), DecodeError);
}

TEST_F(OneProcessMsgpack, BytesThatLieAreDecodeErrors) {
  using Nested = std::vector<int>;
  const auto refuses = [&] {
    EXPECT_THROW(b.receive_blocking<Msgpack<Nested>>(), DecodeError);
    (void)b.receive_available();
  };
  send_raw({});
  refuses();
  send_raw({0xdd, 0xff, 0xff, 0xff, 0xff});  // an array of four thousand million
  refuses();
  send_raw({0xdb, 0x7f, 0xff, 0xff, 0xff, 'x'});  // a long text that is not there
  refuses();
  send_raw({0x93, 1, 2});  // two of three
  refuses();
  send_raw({0xc1});  // no such code
  refuses();
  Raw deep;
  deep.bytes.assign(100'000, static_cast<char>(0x91));  // [[[[...
  a.send_norequest(deep);
  refuses();
  send_raw({0xc7, 10, 78, 0x93, 0xa3, '<', 'f', '8', 0x91, 1, 0xc4, 0});  // an array of one number without its bytes
  EXPECT_THROW(b.receive_blocking<Msgpack<MsgpackArray<double>>>(), DecodeError);
}
