#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "coproc/errors.hpp"
#include "coproc/replies_of_workers.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "os/clock.hpp"

namespace coproc::inline v0::detail {

namespace {

/// How many replies that nobody waits for are dropped before it is the next worker's turn.
constexpr int kMostDropped = 256;

}  // namespace

/// Requests whose replies nobody waits for any more, by the link that they went through and their id.
struct AbandonedReplies {
  std::set<std::pair<std::uint64_t, std::uint64_t>> requests;
};

std::shared_ptr<AbandonedReplies> RepliesReader::make_abandoned() { return std::make_shared<AbandonedReplies>(); }

struct [[gnu::visibility("hidden")]] RepliesReader::State {
  struct Place {
    Messenger* messenger;
    std::uint64_t run = 0;
    std::map<std::uint64_t, std::uint64_t> asked = {};  // request id -> index
    bool is_gone = false;
  };

  std::vector<Place> places;
  std::shared_ptr<AbandonedReplies> abandoned;
  SendNext send_next;  // empty: the input has ended
  MapMessagesOptions options;
  bool is_ordered;
  std::uint64_t sent = 0;
  std::uint64_t read = 0;
  std::map<std::uint64_t, Reply> early;  // of an ordered one: came before their turn
  std::set<std::uint64_t> lost;          // of an ordered one: will not come
  std::uint64_t next_index = 0;
  std::exception_ptr input_error;

  std::size_t outstanding() const noexcept {
    std::size_t count = 0;
    for (const Place& place : places) count += place.asked.size();
    return count;
  }

  void feed(const os::Deadline& deadline);
  std::optional<Reply> take();
  std::optional<Reply> take_from(std::size_t number);
  std::optional<Reply> take_early();
  [[noreturn]] void lose(Place& place);
};

void RepliesReader::State::feed(const os::Deadline& deadline) {
  while (send_next && (!is_ordered || sent - next_index < 4 * options.window * places.size())) {
    Place* best = nullptr;
    for (Place& place : places) {
      if (!place.is_gone && (best == nullptr || place.asked.size() < best->asked.size())) best = &place;
    }
    if (best == nullptr) {
      send_next = nullptr;
      throw WorkerIsDeadError("no worker is left to be sent the rest of the input: start() them again");
    }
    if (best->asked.size() >= options.window) return;
    Core* const core = MessengerAccess::core(*best->messenger);
    if (core != nullptr) best->run = core->run();
    try {
      const auto id = send_next(*best->messenger, options.channel, {.timeout = deadline.remaining()});
      if (!id) {
        send_next = nullptr;
        return;
      }
      best->asked.emplace(static_cast<std::uint64_t>(*id), sent++);
    } catch (const LinkClosedError&) {
      // The element was read and not sent: it is lost like what this worker had not answered.
      if (is_ordered) lost.insert(sent);
      ++sent;
      lose(*best);
    } catch (const TimeoutError&) {
      if (outstanding() == 0) throw;  // else a reply may come all the same, and make room
      return;
    } catch (const InterruptedError&) {
      throw;
    } catch (...) {
      // Behind what has been sent.
      input_error = std::current_exception();
      send_next = nullptr;
    }
  }
}

/// Rethrows the end of a worker.
void RepliesReader::State::lose(Place& place) {
  place.is_gone = true;
  if (is_ordered) {
    for (const auto& [id, index] : place.asked) lost.insert(index);
  }
  place.asked.clear();
  throw;
}

/// A reply to what was asked here, or none for now; drops those to what was abandoned.
std::optional<RepliesReader::Reply> RepliesReader::State::take_from(std::size_t number) {
  Place& place = places[number];
  Core& core = *MessengerAccess::core(*place.messenger);
  // A worker that sends without end what nobody asked for must keep neither the others nor an interrupt waiting.
  for (int dropped = 0; dropped < kMostDropped; ++dropped) {
    std::optional<Message> message;
    try {
      if (!core.receive_next_reply(options.channel, incoming<Message>(message), std::chrono::seconds(0)))
        return std::nullopt;
    } catch (const LinkClosedError&) {
      lose(place);
    } catch (const ProtocolError&) {
      lose(place);
    }
    const auto id = static_cast<std::uint64_t>(message->request_id().value_or(RequestId{0}));
    if (abandoned->requests.erase({message->run(), id}) != 0) continue;
    const auto asked = place.asked.find(id);
    if (asked == place.asked.end() || message->run() != place.run) continue;  // nobody had asked for it here
    const std::uint64_t index = asked->second;
    place.asked.erase(asked);
    return Reply{*std::move(message), index, number};
  }
  core.throw_if_interrupted();
  return std::nullopt;
}

std::optional<RepliesReader::Reply> RepliesReader::State::take_early() {
  while (lost.erase(next_index) != 0) ++next_index;
  const auto at = early.find(next_index);
  if (at == early.end()) return std::nullopt;
  Reply reply = std::move(at->second);
  early.erase(at);
  ++next_index;
  return reply;
}

std::optional<RepliesReader::Reply> RepliesReader::State::take() {
  if (auto reply = take_early()) return reply;
  for (std::size_t i = 0; i < places.size(); ++i) {
    while (!places[i].asked.empty()) {
      auto reply = take_from(i);
      if (!reply) break;
      if (!is_ordered) return reply;
      early.emplace(reply->index, *std::move(reply));
    }
  }
  return is_ordered ? take_early() : std::nullopt;
}

RepliesReader::RepliesReader(std::vector<Messenger*> workers, std::shared_ptr<AbandonedReplies> abandoned,
                             SendNext send_next, MapMessagesOptions options, bool is_ordered)
    : state_(std::make_unique<State>()) {
  if (options.window == 0) throw InvalidArgumentError("map_messages: a window of 0 lets no worker be asked anything");
  for (Messenger* worker : workers) state_->places.push_back({worker});
  state_->abandoned = std::move(abandoned);
  state_->send_next = std::move(send_next);
  state_->options = std::move(options);
  state_->is_ordered = is_ordered;
}

RepliesReader::RepliesReader(RepliesReader&&) noexcept = default;
RepliesReader& RepliesReader::operator=(RepliesReader&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

RepliesReader::~RepliesReader() {
  if (state_ == nullptr) return;
  for (const State::Place& place : state_->places) {
    for (const auto& [id, index] : place.asked) state_->abandoned->requests.emplace(place.run, id);
  }
}

std::optional<RepliesReader::Reply> RepliesReader::next() {
  State& state = *state_;
  const os::Deadline deadline(state.options.each.ns);
  for (;;) {
    state.feed(deadline);
    if (auto reply = state.take()) return reply;
    if (state.outstanding() == 0 && state.early.empty() && !state.send_next) {
      if (state.input_error) std::rethrow_exception(std::exchange(state.input_error, nullptr));
      return std::nullopt;
    }
    std::vector<Messenger*> awaited;
    for (const State::Place& place : state.places) {
      if (!place.asked.empty()) awaited.push_back(place.messenger);
    }
    if (awaited.empty()) continue;
    if (MessengerAccess::wait_any(awaited, &state.options.channel, deadline.remaining()) || !deadline.passed())
      continue;
    throw TimeoutError("map_messages: no reply on channel " + state.options.channel.describe() +
                       " came within the time given: nothing is lost, and a new loop goes on");
  }
}

}  // namespace coproc::inline v0::detail
