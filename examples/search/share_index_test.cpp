#include "share_index.hpp"

#include <gtest/gtest.h>

#include <string>

namespace search {
namespace {

/// As coproc-search prints it.
std::string found(const ShareIndex& index, std::string_view word) {
  std::string text;
  for (const FileMatches& file : index.find(word)) {
    for (const Line& line : file.lines) text += file.path + ":" + std::to_string(line.number) + ":" + line.text + "\n";
  }
  return text;
}

TEST(SearchShareIndex, FindsWholeWordsInAnyCase) {
  ShareIndex index;
  index.add("a", "one Two\nTWOs\n_two\ntwo_\ntwo2\nx-two-y\n");
  EXPECT_EQ(found(index, "tWo"), "a:1:one Two\na:6:x-two-y\n");
}

TEST(SearchShareIndex, GivesALineOnceHoweverOftenItHoldsTheWord) {
  ShareIndex index;
  index.add("a", "two two TWO\ntwo\n");
  EXPECT_EQ(found(index, "two"), "a:1:two two TWO\na:2:two\n");
  EXPECT_EQ(index.count("two"), 2u);
}

TEST(SearchShareIndex, CountsLinesToTheEndOfTheText) {
  ShareIndex index;
  index.add("empty", "");
  index.add("newlines", "\n\n");
  index.add("unended", "\nx\n\nlast x");
  index.add("crlf", "x\r\nx\r\n");
  EXPECT_EQ(found(index, "x"), "unended:2:x\nunended:4:last x\ncrlf:1:x\r\ncrlf:2:x\r\n");
}

TEST(SearchShareIndex, TakesBytesThatAreNotAsciiAsNoPartOfWords) {
  ShareIndex index;
  index.add("a",
            "caf\xc3\xa9\n\xff"
            "caf\xff\n");
  EXPECT_EQ(index.count("caf"), 2u);
}

TEST(SearchShareIndex, KnowsNothingOfOtherWords) {
  ShareIndex index;
  EXPECT_EQ(index.count("x"), 0u);
  EXPECT_TRUE(index.find("x").empty());
}

}  // namespace
}  // namespace search
