#include "c_api/payload.hpp"

#include <gtest/gtest.h>

#include <string>

namespace coproc::c_api {
namespace {

TEST(ForeignPayloadCodec, TextInMessagePackIsFoundAtEverySize) {
  for (const std::size_t size : {0UL, 1UL, 31UL, 32UL, 255UL, 256UL, 65535UL, 65536UL, 100000UL}) {
    const std::string text(size, 'x');
    std::string str, bin;
    append_str(str, text);
    append_bin(bin, text);
    EXPECT_EQ(text_in(str), text) << size;
    EXPECT_EQ(text_in(bin), text) << size;
    EXPECT_FALSE(text_in(str + "x")) << "a second value follows";
    EXPECT_FALSE(text_in(std::string_view(bin).substr(0, bin.size() - 1))) << "it ends too early";
  }
}

TEST(ForeignPayloadCodec, OtherValuesAndHeadsThatEndTooEarlyAreNoText) {
  for (const char* const other : {"\x07", "\x91\x01", "\xc0", "\xd9", "\xda\x01", "\xdb\x01\x01\x01", "\xc7\x01\x01x"})
    EXPECT_FALSE(text_in(other)) << other;
  EXPECT_FALSE(text_in(""));
}

TEST(ForeignPayloadCodec, ShortTextIsAsTheSpecificationSays) {
  std::string packed;
  append_str(packed, "abc");
  EXPECT_EQ(packed,
            "\xa3"
            "abc");
  append_bin(packed, std::string(256, 'y'));
  EXPECT_EQ(packed.substr(4, 3), std::string("\xc5\x01\x00", 3));
}

}  // namespace
}  // namespace coproc::c_api
