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

/// How many unwanted replies of one worker are dropped before it is the next worker's turn.
constexpr int kMostDropped = 256;

}  // namespace

/// The requests of abandoned maps: the run of the worker that they were sent to, and their ids.
struct AbandonedReplies {
  std::set<std::pair<std::uint64_t, std::uint64_t>> requests;
};

std::shared_ptr<AbandonedReplies> RepliesReader::make_abandoned() { return std::make_shared<AbandonedReplies>(); }

struct [[gnu::visibility("hidden")]] RepliesReader::State {
  /// A worker, and the requests that it has not answered.
  struct Peer {
    Messenger* messenger;
    std::uint64_t run = 0;
    std::map<std::uint64_t, std::uint64_t> asked = {};  // request id -> index
    bool is_gone = false;
  };

  std::vector<Peer> peers;
  std::shared_ptr<AbandonedReplies> abandoned;
  SendNext send_next;  // empty once the input has ended
  MapMessagesOptions options;
  bool is_ordered;
  std::uint64_t sent = 0;
  std::uint64_t read = 0;
  std::map<std::uint64_t, Reply> early;  // of an ordered map: replies that arrived before their turn
  std::set<std::uint64_t> lost;          // of an ordered map: the indices whose replies will not arrive
  std::uint64_t next_index = 0;
  std::exception_ptr input_error;

  std::size_t outstanding() const noexcept {
    std::size_t count = 0;
    for (const Peer& peer : peers) count += peer.asked.size();
    return count;
  }

  void feed(const os::Deadline& deadline);
  std::optional<Reply> take();
  std::optional<Reply> take_from(std::size_t number);
  std::optional<Reply> take_early();
  [[noreturn]] void lose(Peer& peer);
};

/// Sends requests until each worker has a window of them or the input has ended.
void RepliesReader::State::feed(const os::Deadline& deadline) {
  while (send_next && (!is_ordered || sent - next_index < 4 * options.window * peers.size())) {
    Peer* best = nullptr;
    for (Peer& peer : peers) {
      if (!peer.is_gone && (best == nullptr || peer.asked.size() < best->asked.size())) best = &peer;
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
      // The element was read and not sent. It is lost like the open requests of this worker.
      if (is_ordered) lost.insert(sent);
      ++sent;
      lose(*best);
    } catch (const TimeoutError&) {
      if (outstanding() == 0) throw;  // otherwise a reply may still arrive and make room
      return;
    } catch (const InterruptedError&) {
      throw;
    } catch (...) {
      // It is thrown behind the replies to the requests that were sent.
      input_error = std::current_exception();
      send_next = nullptr;
    }
  }
}

/// Records that the open requests of a worker are lost, and rethrows the exception that is being handled.
void RepliesReader::State::lose(Peer& peer) {
  peer.is_gone = true;
  if (is_ordered) {
    for (const auto& [id, index] : peer.asked) lost.insert(index);
  }
  peer.asked.clear();
  throw;
}

/// Returns a reply of this worker to a request of this map, or nullopt if none has arrived. Drops replies to abandoned
/// requests.
std::optional<RepliesReader::Reply> RepliesReader::State::take_from(std::size_t number) {
  Peer& peer = peers[number];
  Core& core = *MessengerAccess::core(*peer.messenger);
  // The loop is bounded, so that a worker that sends unwanted replies without end delays neither other workers nor an
  // interrupt.
  for (int dropped = 0; dropped < kMostDropped; ++dropped) {
    std::optional<Message> message;
    try {
      if (!core.receive_next_reply(options.channel, incoming<Message>(message), std::chrono::seconds(0)))
        return std::nullopt;
    } catch (const LinkClosedError&) {
      lose(peer);
    } catch (const ProtocolError&) {
      lose(peer);
    }
    const auto id = static_cast<std::uint64_t>(message->request_id().value_or(RequestId{0}));
    if (abandoned->requests.erase({message->run(), id}) != 0) continue;
    const auto asked = peer.asked.find(id);
    if (asked == peer.asked.end() || message->run() != peer.run) continue;  // not a request of this map
    const std::uint64_t index = asked->second;
    peer.asked.erase(asked);
    return Reply{*std::move(message), index, number};
  }
  core.throw_if_interrupted();
  return std::nullopt;
}

/// Returns the next reply in the order of the input, if it has arrived.
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
  for (std::size_t i = 0; i < peers.size(); ++i) {
    while (!peers[i].asked.empty()) {
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
  for (Messenger* worker : workers) state_->peers.push_back({worker});
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
  for (const State::Peer& peer : state_->peers) {
    for (const auto& [id, index] : peer.asked) state_->abandoned->requests.emplace(peer.run, id);
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
    for (const State::Peer& peer : state.peers) {
      if (!peer.asked.empty()) awaited.push_back(peer.messenger);
    }
    if (awaited.empty()) continue;
    if (MessengerAccess::wait_any(awaited, &state.options.channel, deadline.remaining()) || !deadline.passed())
      continue;
    throw TimeoutError("map_messages: no reply on channel " + state.options.channel.describe() +
                       " came within the time given: nothing is lost, and a new loop goes on");
  }
}

}  // namespace coproc::inline v0::detail
