#include "link/beats.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace coproc::inline v0::link {

namespace {

struct Beating {
  BeatWords words{};
  Beating() { beat_into(words); }
  ~Beating() { stop_beats_into(words); }
};

}  // namespace

TEST(Beats, AreCounted_AndTheLastNoteCounts) {
  Beating beating;
  EXPECT_EQ(look_at_beats(beating.words).count, 0U);
  beat("chunk 17, which is a long one");
  beat("chunk 18");
  const Beats seen = look_at_beats(beating.words);
  EXPECT_EQ(seen.count, 2U);
  EXPECT_EQ(seen.note, "chunk 18");
  beat({});
  EXPECT_EQ(look_at_beats(beating.words).note, "");
}

TEST(Beats, ALongNoteIsCut) {
  Beating beating;
  beat(std::string(1000, 'x'));
  EXPECT_EQ(look_at_beats(beating.words).note, std::string(kBeatNoteBytes, 'x'));
}

TEST(Beats, GoNowhereOnceTheirMemoryIsGone) {
  BeatWords words{}, others{};
  beat("nobody hears it");
  beat_into(words);
  stop_beats_into(others);
  beat("heard");
  stop_beats_into(words);
  beat("not heard");
  EXPECT_EQ(look_at_beats(words).count, 1U);
  EXPECT_EQ(look_at_beats(words).note, "heard");
}

TEST(OneProcessBeats, OfSeveralThreadsCountWhileTheirMemoryComesAndGoes) {
  std::atomic<bool> is_over{false};
  const auto go_on = [&] {
    while (!is_over) {
      beat("on and on");
      std::this_thread::yield();  // or it would hold the words nearly all the time
    }
  };
  std::thread first(go_on), second(go_on);
  for (int i = 0; i < 50; ++i) {
    const Beating beating;
    while (look_at_beats(beating.words).count == 0) std::this_thread::yield();
    EXPECT_EQ(look_at_beats(beating.words).note, "on and on");
  }
  is_over = true;
  first.join();
  second.join();
}

}  // namespace coproc::inline v0::link
