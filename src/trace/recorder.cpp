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
    : options_(options), generation_(os::fork_generation()), shape_(link::EventShape::for_wish(options.events)) {
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
    if (registry->recorder == this) read_spans();
  });
  collected_.names.emplace_back();
  names_.emplace("", 0);
  add_process(::getpid(), "host");
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

std::uint32_t Recorder::add_process(int pid, std::string name) {
  collected_.processes.push_back({pid, std::move(name)});
  return static_cast<std::uint32_t>(collected_.processes.size() - 1);
}

std::uint32_t Recorder::number_of(const std::string& name) {
  const auto [found, is_new] = names_.try_emplace(name, static_cast<std::uint32_t>(collected_.names.size()));
  if (is_new) collected_.names.push_back(name);
  return found->second;
}

void Recorder::take(link::NotedEvents noted, std::uint32_t link, std::uint32_t process, bool is_of_host,
                    std::uint64_t& last) {
  const std::int64_t now = os::now_ns();
  for (const link::NotedEvent& event : noted.events) {
    last = event.number;  // so that none is taken twice, if there is no memory for a later one
    if (collected_.events.size() >= options_.most_events) {
      ++collected_.left_out;
      continue;
    }
    // A time that is still to come is no time of an event.
    collected_.events.push_back({std::min(event.time, now), event.id, link, process, event.thread,
                                 number_of(event.name), event.kind, is_of_host});
  }
  collected_.processes[process].overwritten += noted.missing;
}

std::shared_ptr<FollowedLink> Recorder::add(link::Link& host_link, int pid, std::string name) {
  const std::uint32_t process = add_process(pid, std::move(name));
  return links_.emplace_back(std::make_shared<FollowedLink>(&host_link, ++links_followed_, process));
}

void Recorder::note_end(const FollowedLink& followed, std::int64_t time) noexcept {
  std::int64_t& end = collected_.processes[followed.process].end;
  if (end == 0) end = time;
}

void Recorder::read(FollowedLink& followed) noexcept {
  if (followed.link == nullptr) return;
  const link::Link& link = *followed.link;
  try {
    take(link.events_of(1 - link.end(), followed.read_of_worker), followed.number, followed.process, false,
         followed.read_of_worker);
    take(link.events_of(link.end(), followed.read_of_host), followed.number, 0, true, followed.read_of_host);
  } catch (const std::exception&) {
    // There is no memory for them. The program has more to do than to trace.
  }
}

void Recorder::read_spans() noexcept {
  try {
    take(link::read_events(std::span(area_.get(), shape_.bytes()), shape_, spans_read_), 0, 0, true, spans_read_);
  } catch (const std::exception&) {
    // As in read().
  }
}

void Recorder::collect() {
  Registry& registry = Registry::of_process();
  const os::MutexLock lock(registry.mutex);
  if (has_ended_) return;
  for (const auto& followed : links_) read(*followed);
  read_spans();
}

void Recorder::end() {
  if (has_ended_) return;
  link::note_spans_no_more_in(*spans_);  // without the mutex, which a thread that notes a span may want
  collect();
  Registry& registry = Registry::of_process();
  const os::MutexLock lock(registry.mutex);
  has_ended_ = true;
  collected_.end = os::now_ns();
  links_.clear();
  registry.recorder = nullptr;
}

TraceSummary Recorder::write(const std::string& path) const {
  const Drawn drawn = draw(collected_);
  os::replace_file(path, drawn.json);
  TraceSummary summary{.events = collected_.events.size(), .left_out = collected_.left_out, .arrows = drawn.arrows};
  for (const CollectedProcess& process : collected_.processes) summary.overwritten += process.overwritten;
  return summary;
}

}  // namespace coproc::inline v0::trace
