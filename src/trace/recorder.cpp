#include "trace/recorder.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

#include "coproc/errors.hpp"
#include "link/event_places.hpp"
#include "os/clock.hpp"
#include "os/fork_guard.hpp"
#include "os/replace_file.hpp"
#include "trace/chrome_json.hpp"
#include "trace/registry.hpp"

namespace coproc::inline v0::trace {

namespace {

std::atomic<Registry*> newest{nullptr};  // of this process or of a parent
std::atomic<std::uint64_t> serials{0};   // the last one; a child goes on behind those of its parent

/// What one look believes, at most, of how many events a worker has overwritten: it can write any number there.
constexpr std::uint64_t kMostMissing = std::uint64_t{1} << 40;
/// An end of a link has no more names of its own at a time.
constexpr std::uint32_t kMostNames = link::kEventNames;
constexpr const char* kOtherName = "(other)";

}  // namespace

Registry* Registry::find() noexcept {
  Registry* const found = newest.load(std::memory_order_acquire);  // pairs with of_process()
  return found != nullptr && found->generation == os::fork_generation() ? found : nullptr;
}

Registry& Registry::of_process() {
  for (;;) {
    Registry* known = newest.load(std::memory_order_acquire);
    if (known != nullptr && known->generation == os::fork_generation()) return *known;
    auto made = std::make_unique<Registry>(os::fork_generation());
    // That of a parent is left as it is: what it holds belongs to that process.
    if (newest.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) return *made.release();
  }
}

Recorder::Recorder(const TraceOptions& options)
    : serial_(serials.fetch_add(1, std::memory_order_relaxed) + 1),  // relaxed: they must only differ
      options_(options),
      generation_(os::fork_generation()),
      shape_(link::EventShape::for_wish(options.events)) {
  if (options.events == 0 || options.events > link::kMostEvents || options.most_events == 0) {
    throw InvalidArgumentError(
        "Trace: TraceOptions::events must be from 1 to 1048576, and most_events at least 1: nothing is recorded");
  }
  area_ = std::make_unique<std::byte[]>(shape_.bytes());
  spans_ = std::make_unique<link::EventWriter>(std::span(area_.get(), shape_.bytes()), shape_);
  spans_->when_half_full([this] {
    Registry* const registry = Registry::find();
    if (registry == nullptr) return;
    const os::MutexLock lock(registry->mutex);
    if (registry->recorder == this) read_spans(link::Look::more_follow);
  });
  add_name("");
  add_name(kOtherName);
  collected_.processes.push_back({::getpid(), "host"});
  Registry& registry = Registry::of_process();
  const os::MutexLock lock(registry.mutex);
  if (registry.recorder != nullptr) {
    throw InvalidArgumentError("Trace: this process has a trace already: end that one first, or let both be one");
  }
  registry.recorder = this;
  link::note_spans_in(link::EventPlace::trace, *spans_);
}

Recorder::~Recorder() {
  if (is_own_process()) end();
}

bool Recorder::is_own_process() const noexcept { return generation_ == os::fork_generation(); }

std::uint32_t Recorder::add_name(const std::string& name) {
  const auto number = static_cast<std::uint32_t>(collected_.names.size());
  names_.emplace(collected_.names.emplace_back(name), number);
  return number;
}

std::uint32_t Recorder::number_of(const std::string& name, Source& source) {
  if (const auto known = names_.find(name); known != names_.end()) return known->second;
  if (source.names_brought == kMostNames) return names_.find(kOtherName)->second;
  const std::uint32_t number = add_name(name);
  ++source.names_brought;
  return number;
}

/// A worker chooses how much it and its host's end note. So a link gets no more than it leaves to all others.
bool Recorder::has_room_for(const FollowedLink* followed) const noexcept {
  const std::size_t kept = collected_.events.size();
  const std::size_t room = options_.most_events - std::min(kept, options_.most_events);
  return room > (followed == nullptr ? 0 : followed->kept);
}

void Recorder::take(const link::NotedEvents& noted, Source& source, FollowedLink* followed) noexcept {
  const std::int64_t now = os::now_ns();
  source.read = noted.until;
  std::uint64_t& overwritten = collected_.processes[source.process].overwritten;
  overwritten = added_up(overwritten, std::min(noted.missing, kMostMissing));
  for (const link::NotedEvent& event : noted.events) {
    try {
      if (has_room_for(followed)) {
        // A time that is still to come is no time of an event.
        collected_.events.push_back({std::min(event.time, now), event.id, source.link, source.process, event.thread,
                                     number_of(event.name, source), event.kind, source.is_of_host});
        if (followed != nullptr) ++followed->kept;
        continue;
      }
    } catch (const std::exception&) {
      // There is no memory for it. The program has more to do than to trace.
    }
    ++collected_.left_out;
  }
}

void Recorder::add(const std::shared_ptr<FollowedLink>& followed, link::Link& host_link, int pid, std::string name) {
  const auto process = static_cast<std::uint32_t>(collected_.processes.size());
  links_.push_back(followed);
  try {
    collected_.processes.push_back({pid, std::move(name)});
  } catch (...) {
    links_.pop_back();
    throw;
  }
  const std::uint32_t number = ++links_followed_;
  followed->link = &host_link;
  followed->recorder = serial_;
  followed->worker = {.link = number, .process = process, .is_of_host = false};
  followed->host = {.link = number, .process = 0, .is_of_host = true};
}

void Recorder::note_end(const FollowedLink& followed, std::int64_t time) noexcept {
  std::int64_t& end = collected_.processes[followed.worker.process].end;
  if (end == 0) end = time;
}

void Recorder::read(FollowedLink& followed, link::Look look) noexcept {
  if (followed.link == nullptr) return;
  const link::Link& link = *followed.link;
  try {
    take(link.events_of(1 - link.end(), followed.worker.read, look), followed.worker, &followed);
    take(link.events_of(link.end(), followed.host.read, look), followed.host, &followed);
  } catch (const std::exception&) {
    // There is no memory for them. A later look finds what is left.
  }
}

void Recorder::read_spans(link::Look look) noexcept {
  try {
    take(link::read_events(std::span(area_.get(), shape_.bytes()), shape_, program_.read, look), program_, nullptr);
  } catch (const std::exception&) {
    // As in read().
  }
}

void Recorder::read_all(link::Look look) noexcept {
  for (const auto& followed : links_) read(*followed, look);
  read_spans(look);
}

void Recorder::collect() {
  Registry& registry = Registry::of_process();
  const os::MutexLock lock(registry.mutex);
  if (!has_ended_) read_all(link::Look::more_follow);
}

void Recorder::end() {
  if (has_ended_) return;
  link::note_spans_no_more_in(*spans_);  // without the mutex, which a thread that notes a span may want
  Registry& registry = Registry::of_process();
  const os::MutexLock lock(registry.mutex);
  read_all(link::Look::last);
  has_ended_ = true;
  collected_.end = os::now_ns();
  links_.clear();
  registry.recorder = nullptr;
}

TraceSummary Recorder::write(const std::string& path) {
  std::uint64_t arrows = 0;
  os::replace_file(path, [&](const os::WritePiece& write) { arrows = draw(collected_, write); });
  return {.events = collected_.events.size(),
          .overwritten = collected_.overwritten(),
          .left_out = collected_.left_out,
          .arrows = arrows};
}

}  // namespace coproc::inline v0::trace
