#include "link/event_places.hpp"

#include <algorithm>
#include <atomic>

#include "os/cpu.hpp"
#include "os/fork_guard.hpp"

namespace coproc::inline v0::link {

namespace {

std::array<std::atomic<EventWriter*>, kEventPlaces> writers{};
std::atomic<int> users{0};                  // threads that may use one of them at this moment
std::atomic<unsigned long> generation{0};   // of the process that they belong to
std::atomic<std::uint64_t> spans_begun{0};  // the id of a span differs from those of all others of this process

bool is_own_process() noexcept { return generation.load(std::memory_order_relaxed) == os::fork_generation(); }

/// relaxed: only a hint, which saves programs without events the rest
bool may_have_writers() noexcept {
  const auto is_set = [](const std::atomic<EventWriter*>& writer) {
    return writer.load(std::memory_order_relaxed) != nullptr;
  };
  return std::ranges::any_of(writers, is_set) && is_own_process();
}

/// Calls `use(writer, place)` for each writer of this process. Returns whether there was one.
template <class Use>
bool for_each_writer(Use use) noexcept {
  if (!may_have_writers()) return false;
  // seq_cst, as in note_spans_no_more_in(): either this thread sees that the writer is gone, or that one sees this
  // user.
  users.fetch_add(1, std::memory_order_seq_cst);
  bool any = false;
  for (std::size_t place = 0; place < kEventPlaces; ++place) {
    EventWriter* const writer = writers[place].load(std::memory_order_seq_cst);
    if (writer == nullptr) continue;
    use(*writer, place);
    any = true;
  }
  users.fetch_sub(1, std::memory_order_release);  // pairs with the loads in note_spans_no_more_in()
  return any;
}

}  // namespace

void note_spans_in(EventPlace place, EventWriter& writer) noexcept {
  if (!is_own_process()) {
    // What was set is that of the process that this one was forked from, whose other threads are not here.
    for (auto& each : writers) each.store(nullptr, std::memory_order_relaxed);
    users.store(0, std::memory_order_relaxed);
    generation.store(os::fork_generation(), std::memory_order_relaxed);
  }
  writers[static_cast<std::size_t>(place)].store(&writer, std::memory_order_seq_cst);
}

void note_spans_no_more_in(const EventWriter& writer) noexcept {
  if (!is_own_process()) return;
  for (auto& each : writers) {
    if (each.load(std::memory_order_relaxed) == &writer) each.store(nullptr, std::memory_order_seq_cst);
  }
  // Also if another writer has taken its place since: a thread may have found this one before.
  while (users.load(std::memory_order_seq_cst) != 0) os::yield();
}

std::uint64_t begin_span(std::string_view name, EventNumbers& numbers) noexcept {
  if (!may_have_writers()) return 0;
  const std::uint64_t id = spans_begun.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: ids must differ
  const bool any = for_each_writer([&](EventWriter& writer, std::size_t place) {
    numbers[place] = writer.number_of(name);
    writer.note(EventKind::began_span, numbers[place], id);
  });
  return any ? id : 0;
}

void end_span(std::uint64_t id, const EventNumbers& numbers) noexcept {
  for_each_writer(
      [&](EventWriter& writer, std::size_t place) { writer.note(EventKind::ended_span, numbers[place], id); });
}

void note_mark(std::string_view name) noexcept {
  for_each_writer([&](EventWriter& writer, std::size_t) { writer.note(EventKind::mark, writer.number_of(name), 0); });
}

}  // namespace coproc::inline v0::link
