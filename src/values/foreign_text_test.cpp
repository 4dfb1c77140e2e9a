#include "coproc/detail/foreign_text.hpp"

#include <gtest/gtest.h>

#include <string>

using coproc::detail::in_lines;
using coproc::detail::in_one_line;

namespace {

TEST(CodecForeignText, WhatIsShownStaysAsItIs) {
  for (const char* text :
       {"", "plain words, \\n and all", "Gr\u00fc\u00dfe", "\u4f60\u597d", "\U0001F469\u200D\U0001F680"}) {
    EXPECT_EQ(in_one_line(text), text);
    EXPECT_EQ(in_lines(text, "  "), text);
  }
}

TEST(CodecForeignText, WhatATerminalWouldActUponIsWrittenOut) {
  EXPECT_EQ(in_one_line("a\nb\rc\td"), "a\\nb\\rc\\td");
  EXPECT_EQ(in_one_line(std::string("\0\x1b[2K\x07\x7f", 7)), "\\x00\\x1b[2K\\x07\\x7f");
  EXPECT_EQ(in_one_line("\u0085\u009b31m"), "\\u0085\\u009b31m");                  // the second set of controls
  EXPECT_EQ(in_one_line("user\u202egnp.exe\u2066"), "user\\u202egnp.exe\\u2066");  // directions
  EXPECT_EQ(in_one_line("a\u200bb\ufeff\u2028"), "a\\u200bb\\ufeff\\u2028");
  EXPECT_EQ(in_one_line("\U000E0041"), "\\U000e0041");
}

TEST(CodecForeignText, BytesThatAreNoUtf8AreWrittenOut) {
  EXPECT_EQ(in_one_line("\x9b"
                        "31m"),
            "\\x9b31m");
  EXPECT_EQ(in_one_line("\xc0\x8a"), "\\xc0\\x8a");  // longer than need be
  EXPECT_EQ(in_one_line("\xe0\x80\x8a"), "\\xe0\\x80\\x8a");
  EXPECT_EQ(in_one_line("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half of a pair
  EXPECT_EQ(in_one_line("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(in_one_line("end\xe4\xbd"), "end\\xe4\\xbd");
}

TEST(CodecForeignText, LinesAreIndentedAndTheLastHasNoEnd) {
  EXPECT_EQ(in_lines("one\ntwo\n\n", "    "), "one\n    two");
  EXPECT_EQ(in_lines("disk full\n  stack:\r\x1b[1A", "    "), "disk full\n      stack:\\r\\x1b[1A");
}

TEST(CodecForeignText, ThereIsAnEndToIt) {
  EXPECT_EQ(in_one_line(std::string(300, 'x')), std::string(256, 'x') + "... (44 more bytes)");
  EXPECT_EQ(in_one_line("ab\u00fc", 3), "ab... (2 more bytes)");  // no half of a character
  EXPECT_EQ(in_lines("1234\n56", " ", 6), "1234\n 5... (1 more bytes)");
}

}  // namespace
