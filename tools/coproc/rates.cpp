#include "rates.hpp"

#include <algorithm>
#include <thread>

#include "described.hpp"

namespace command {

namespace {

using namespace std::chrono_literals;

/// A ring that is written to all the time is looked at for so long, and all rings together for so long.
constexpr auto kOneRing = 4ms, kAllRings = 50ms;

/// Bytes of a ring, and the messages in them.
struct Counted {
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;

  void add(const Watcher& watcher, const SeenLink& link, int from, std::uint64_t begin, std::uint64_t end) {
    const auto counted = watcher.count_messages(link, from, begin, end);
    if (!counted) return;
    bytes += end - begin;
    messages += *counted;
  }
};

/// The bytes that a message takes, with its header: of those that are in the ring, or are sent while this looks on.
/// nullopt: there are none, or none that can be counted.
std::optional<double> bytes_of_a_message(const Watcher& watcher, const SeenLink& link, int from, Rates::Time until) {
  Counted all;
  auto before = watcher.look_again(link);
  if (before) {
    const std::uint64_t end = before->ring[from].tail;
    all.add(watcher, link, from, end - before->ring[from].unread, end);
  }
  for (auto pause = 10us; before && all.messages == 0 && std::chrono::steady_clock::now() < until; pause *= 2) {
    std::this_thread::sleep_for(pause);
    const auto after = watcher.look_again(link);
    if (after) all.add(watcher, link, from, before->ring[from].tail, after->ring[from].tail);
    before = after;
  }
  if (all.messages == 0) return std::nullopt;
  return static_cast<double>(all.bytes) / static_cast<double>(all.messages);
}

}  // namespace

Rates::RingPast Rates::next_of(const Watcher& watcher, const SeenLink& link, int from, const RingPast& before,
                               Time until) const {
  RingPast next = before;
  next.tail = link.sight->ring[from].tail;
  next.rate.reset();
  if (seconds_ <= 0 || next.tail < before.tail) return next;
  const auto bytes = static_cast<double>(next.tail - before.tail);
  RingRate& rate = next.rate.emplace();
  rate.bytes = bytes / seconds_;
  // As long as a ring has not been written over once, all of its messages can still be counted.
  if (const auto counted = watcher.count_messages(link, from, before.tail, next.tail)) {
    rate.messages = static_cast<double>(*counted) / seconds_;
    return next;
  }
  const Time now = std::chrono::steady_clock::now();
  if (const auto size = bytes_of_a_message(watcher, link, from, std::min(until, now + kOneRing)))
    next.bytes_a_message = size;
  if (next.bytes_a_message) rate.messages = rate.bytes / *next.bytes_a_message;
  return next;
}

void Rates::update(const Watcher& watcher, const Seen& seen, Time now) {
  const bool is_first = last_ == Time();
  seconds_ = is_first ? 0 : std::chrono::duration<double>(now - last_).count();
  last_ = now;

  std::map<ProcessKey, ProcessPast> processes;
  for (const SeenProcess& process : seen.processes) {
    const ProcessKey key(process.pid, process.sample.start_ticks);
    ProcessPast& next = processes[key];
    next.processor_time = process.sample.processor_time;
    next.state = state_of(seen, process).text();
    next.since = now;
    const auto found = processes_.find(key);
    if (found == processes_.end() || seconds_ <= 0) continue;
    const ProcessPast& before = found->second;
    if (next.state == before.state) next.since = before.since;
    const std::chrono::duration<double> used = next.processor_time - before.processor_time;
    next.rate = {std::max(used.count(), 0.0) / seconds_, std::chrono::duration<double>(now - next.since).count()};
  }
  processes_ = std::move(processes);

  std::map<RingKey, RingPast> rings;
  const Time until = std::chrono::steady_clock::now() + kAllRings;
  for (const SeenLink& link : seen.links) {
    for (const int from : {0, 1}) {
      if (!link.sight) continue;
      const auto found = rings_.find(key_of(link, from));
      if (found != rings_.end()) {
        rings[found->first] = next_of(watcher, link, from, found->second, until);
      } else {
        rings[key_of(link, from)].tail = link.sight->ring[from].tail;
      }
    }
  }
  rings_ = std::move(rings);
}

std::optional<ProcessRate> Rates::of(const SeenProcess& process) const {
  const auto found = processes_.find({process.pid, process.sample.start_ticks});
  return found == processes_.end() ? std::nullopt : found->second.rate;
}

std::optional<RingRate> Rates::of(const SeenLink& link, int from) const {
  const auto found = rings_.find(key_of(link, from));
  return found == rings_.end() ? std::nullopt : found->second.rate;
}

}  // namespace command
