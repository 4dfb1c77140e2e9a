#include "shard.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "files_for_test.hpp"

namespace search {
namespace {

struct Heard final : ShardListener {
  void on_indexed() override { ++indexed; }
  void on_answer(std::size_t, Answer answer) override { answers.push_back(std::move(answer)); }
  void on_count(std::size_t, const Count& count) override { counts.push_back(count.lines); }
  void on_warning(const Warning& warning) override { warnings.push_back(warning); }
  void on_death(const std::string&, std::size_t files) override { deaths.push_back(files); }

  std::size_t indexed = 0;
  std::vector<Answer> answers;
  std::vector<std::uint64_t> counts;
  std::vector<Warning> warnings;
  std::vector<std::size_t> deaths;  // how many files were to be indexed again
};

class SearchShard : public WithFiles {
 protected:
  template <class Condition>
  void receive_until(Condition condition) {
    while (!condition()) {
      const std::array<coproc::Messenger*, 1> messengers{&shard_.messenger()};
      coproc::wait_any(messengers);
      shard_.receive();
      shard_.feed();
    }
  }

  /// A worker that is told to index this waits in vain for somebody to write into it.
  std::string trap() {
    const std::string path = (directory_ / "trap").string();
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    return path;
  }

  Heard heard_;
  Shard shard_{0, heard_};
};

TEST_F(SearchShard, HasItsShareIndexedByAFreshWorkerAndAsksThatAgain) {
  const std::string good = file("good", "word\n");
  const std::string deadly = trap();
  const std::string last = file("last", "word\n");
  for (const std::string& path : {good, deadly, last}) shard_.give(path);
  shard_.feed();
  receive_until([&] { return shard_.indexed() == 1; });
  shard_.ask({7, "word", false});  // and the worker goes, or is already, into the trap

  shard_.kill();
  receive_until([&] { return heard_.deaths.size() == 1; });
  EXPECT_EQ(heard_.deaths[0], 1u);
  EXPECT_TRUE(heard_.warnings.empty());
  receive_until([&] { return shard_.indexed() == 1; });

  // The second that dies over the same file: the third does not get it any more.
  shard_.kill();
  receive_until([&] { return heard_.answers.size() == 1 && shard_.indexed() == 2; });
  ASSERT_EQ(heard_.warnings.size(), 1u);
  EXPECT_EQ(heard_.warnings[0].path, deadly);
  EXPECT_EQ(heard_.warnings[0].kind, Warning::Kind::failed);
  EXPECT_EQ(shard_.size(), 2u);

  ASSERT_GE(heard_.answers[0].files.size(), 1u);  // not less than what was indexed when it was asked
  EXPECT_EQ(heard_.answers[0].files[0].path, good);
  shard_.ask({8, "word", true});
  receive_until([&] { return !heard_.counts.empty(); });
  EXPECT_EQ(heard_.counts[0], 2u);
}

TEST_F(SearchShard, AnIdleWorkerThatDiesIsReplaced) {
  shard_.give(file("a", "word\n"));
  shard_.feed();
  receive_until([&] { return shard_.indexed() == 1; });
  shard_.kill();
  shard_.ask({1, "word", true});
  receive_until([&] { return !heard_.counts.empty(); });
  EXPECT_LE(heard_.deaths.size(), 1u);  // none, where it answered before it was dead
  EXPECT_EQ(heard_.counts[0], 1u);
}

TEST_F(SearchShard, GivesUpWhereWorkersKeepDying) {
  EXPECT_THROW(receive_until([&] {
                 shard_.kill();
                 return false;
               }),
               std::runtime_error);
  EXPECT_EQ(heard_.deaths.size(), 9u);
}

TEST_F(SearchShard, KeepsOnlyAWindowOfFilesOnTheirWay) {
  const std::string path = file("a", "word\n");
  int given = 0;
  for (; shard_.has_room(); ++given) shard_.give(path);
  EXPECT_EQ(given, 32);
  shard_.feed();
  EXPECT_EQ(shard_.messenger().remaining(), 32u);
  shard_.give(path);
  shard_.feed();
  EXPECT_LE(shard_.messenger().remaining(), 32u);
  receive_until([&] { return shard_.indexed() == 33; });
}

}  // namespace
}  // namespace search
