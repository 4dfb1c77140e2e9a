#include "options.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "progress.hpp"

namespace search {
namespace {

Options parse(const std::vector<const char*>& arguments, bool can_type = false) {
  return parse_options(arguments, can_type);
}

std::string refusal(const std::vector<const char*>& arguments) {
  try {
    parse(arguments);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(SearchOptions, TakesOptionsAnywhereBeforeTwoDashes) {
  const Options options = parse({"-j", "3", "dir", "--no-progress", "word", "--crash-test", "7", "--", "other"});
  EXPECT_EQ(options.workers, 3u);
  EXPECT_EQ(options.directory, "dir");
  EXPECT_EQ(options.words, (std::vector<std::string>{"word", "other"}));
  EXPECT_FALSE(options.wants_progress);
  EXPECT_FALSE(options.is_interactive);
  EXPECT_EQ(options.crash_after, 7u);
  EXPECT_EQ(parse({"-j2", "--", "-dir", "word"}).directory, "-dir");
}

TEST(SearchOptions, IsInteractiveOnATerminalWithoutWords) {
  EXPECT_TRUE(parse({"dir"}, true).is_interactive);
  EXPECT_FALSE(parse({"dir", "word"}, true).is_interactive);
  EXPECT_TRUE(parse({"dir", "--interactive"}).is_interactive);
}

TEST(SearchOptions, SaysWhatIsWrongAndWhatIsAllowed) {
  EXPECT_EQ(refusal({}), "no DIR given: name the directory to search");
  EXPECT_EQ(refusal({"dir"}),
            "no QUERY given: name words to search for, or say --interactive to give them on the input");
  EXPECT_EQ(refusal({"dir", "two words"}),
            "'two words' is not a single word: only ASCII letters, digits and underscores can be searched for");
  EXPECT_EQ(refusal({"-j", "0", "dir", "x"}), "-j needs a number from 1 to 256, not '0'");
  EXPECT_EQ(refusal({"-j2x", "dir", "x"}), "-j needs a number from 1 to 256, not '2x'");
  EXPECT_EQ(refusal({"dir", "x", "-j"}), "-j needs a number behind it");
  EXPECT_EQ(refusal({"--fast", "dir", "x"}), "unknown option --fast (--help lists all of them)");
  EXPECT_EQ(refusal({"dir", ""}).substr(0, 9), "'' is not");
}

TEST(SearchProgress, ShowsHowMuchIsIndexed) {
  EXPECT_EQ(progress_text({}, 4), "[....] 0/0+ files");
  EXPECT_EQ(progress_text({.indexed = 1, .found = 2, .is_found_final = true, .note = "word: 3 lines"}, 4),
            "[##..] 1/2 files  word: 3 lines");
  EXPECT_EQ(progress_text({.indexed = 5, .found = 5, .is_found_final = true, .note = {}}, 4), "[####] 5/5 files");
}

}  // namespace
}  // namespace search
