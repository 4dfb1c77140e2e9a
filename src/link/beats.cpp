#include "link/beats.hpp"

#include <algorithm>
#include <cstring>

#include "os/cpu.hpp"
#include "os/fork_guard.hpp"

namespace coproc::inline v0::link {

namespace {

std::atomic_flag is_busy;  // whoever has set it may use the words
std::atomic<BeatWords*> words_of_process{nullptr};
std::atomic<unsigned long> generation{0};  // of the process that they belong to

bool is_own_process() noexcept { return generation.load(std::memory_order_relaxed) == os::fork_generation(); }

}  // namespace

// relaxed: the accesses to `words_of_process` are ordered by `is_busy`. What is loaded without it only saves the wait.
void beat_into(BeatWords& words) noexcept {
  // A thread of the process that this one was forked from may have held the flag. It is not here to let go of it.
  if (!is_own_process()) is_busy.clear(std::memory_order_relaxed);
  while (is_busy.test_and_set(std::memory_order_acquire)) os::yield();
  generation.store(os::fork_generation(), std::memory_order_relaxed);
  words_of_process.store(&words, std::memory_order_relaxed);
  is_busy.clear(std::memory_order_release);  // what the words held before is seen by whoever beats
}

void stop_beats_into(const BeatWords& words) noexcept {
  if (words_of_process.load(std::memory_order_relaxed) != &words || !is_own_process()) return;
  while (is_busy.test_and_set(std::memory_order_acquire)) os::yield();
  words_of_process.store(nullptr, std::memory_order_relaxed);
  is_busy.clear(std::memory_order_release);
}

void beat(std::string_view note) noexcept {
  if (words_of_process.load(std::memory_order_relaxed) == nullptr || !is_own_process()) return;
  if (is_busy.test_and_set(std::memory_order_acquire)) return;
  if (BeatWords* const words = words_of_process.load(std::memory_order_relaxed)) {
    std::array<std::uint64_t, kBeatNoteBytes / 8> text{};
    if (!note.empty()) std::memcpy(text.data(), note.data(), std::min(note.size(), kBeatNoteBytes));
    for (std::size_t i = 0; i < text.size(); ++i) words->note[i].store(text[i], std::memory_order_relaxed);
    words->count.fetch_add(1, std::memory_order_relaxed);
  }
  is_busy.clear(std::memory_order_release);
}

Beats look_at_beats(const BeatWords& words) {
  std::array<char, kBeatNoteBytes> text;
  for (std::size_t i = 0; i < words.note.size(); ++i) {
    const std::uint64_t word = words.note[i].load(std::memory_order_relaxed);
    std::memcpy(text.data() + 8 * i, &word, sizeof word);
  }
  return {words.count.load(std::memory_order_relaxed), std::string(text.begin(), std::ranges::find(text, '\0'))};
}

}  // namespace coproc::inline v0::link
