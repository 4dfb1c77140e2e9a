// Takes over what an earlier worker of a messenger has sent and no receive has returned, into the core of the next one.
#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>
#include <vector>

#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

using link::FrameKind;

/// The messages keep their order, and come before all of the next worker. A reply still answers its request. A request
/// becomes a message, since nobody waits for its answer any more. Errors that no receive has thrown yet come along.
/// The requests of `last` that have no reply are the orphans of this core. If it throws, `last` still has everything.
/// REQUIRES: this core is new, the peer of `last` has ended, and no other thread uses either.
void Core::take_over(Core& last) {
  std::vector<EntryPtr> left = last.take_all_left();
  try {
    std::vector<RequestId> answered;
    std::uint64_t sequence = FrameReader::kFirstSequence - left.size();
    last_put_back_ = sequence;
    for (const EntryPtr& from : left) {
      EntryPtr entry = inbox_.make_entry();
      entry->payload.append(from->payload.data(), from->payload.size());
      entry->sequence = sequence++;
      entry->kind = from->kind == FrameKind::request ? FrameKind::message : from->kind;
      if (FrameReader::is_error(entry->kind)) {
        reader_.hold(entry);
        continue;
      }
      Channel& channel = channels_.of(last.channels_.at(from->channel).id);
      entry->channel = channel.index;
      if (from->type != 0) entry->type = peer_names_.add_earlier(last.peer_names_.type(from->type));
      entry->priority = from->priority;
      entry->loans = from->loans;
      entry->loan_cost = from->loan_cost;
      entry->request_id = from->is_reply() ? from->request_id : 0;
      if (entry->request_id != 0) {
        requests_.expect_earlier(channel, entry->request_id);
        answered.push_back(RequestId{entry->request_id});
        ++answers_of_others_;
      }
      from->kind == FrameKind::message ? put_again(entry) : inbox_.put(entry);
    }
    take_over_streams(last);
    std::sort(answered.begin(), answered.end());
    for (const RequestId id : last.requests_.without_reply()) {
      if (std::binary_search(answered.begin(), answered.end(), id)) continue;
      const std::uint32_t* const channel = last.requests_.channel_of(static_cast<std::uint64_t>(id));
      orphans_.push_back({id, channel == nullptr ? kStream : channels_.of(last.channels_.at(*channel).id).index});
    }
    // Of an earlier worker, if the start of the last one has failed after it had taken its place.
    for (const auto& [id, channel] : last.orphans_) {
      orphans_.push_back({id, channel == kStream ? kStream : channels_.of(last.channels_.at(channel).id).index});
    }
    for (const auto& [channel, run, id] : last.left_to_answer_) {
      left_to_answer_.push_back({channels_.of(last.channels_.at(channel).id).index, run, id});
    }
    for (std::uint32_t i = 0; last.goes_on_ && i != last.channels_.size(); ++i) {
      Channel& channel = last.channels_.at(i);
      if (channel.to_answer.count == 0) continue;
      const std::uint32_t index = channels_.of(channel.id).index;
      left_to_answer_.reserve(left_to_answer_.size() + channel.to_answer.count);  // so that the next lines do not throw
      channel.to_answer.ids.erase_if([&](std::uint64_t id) {
        const bool is_left = last.requests_.is_to_answer(id);
        if (is_left) left_to_answer_.push_back({index, last.run_, id});
        return !is_left;
      });
    }
    in_hand_ = last.orphans_.empty() ? link::look_in_hand(last.link_->in_hand_words()) : last.in_hand_;
    std::erase_if(last.own_errors_, [&](const auto& error) {
      return inbox_.find_reply(error.first) == nullptr && !requests_.streams().reads(error.first);
    });
  } catch (...) {
    last.return_all_left(left);
    throw;
  }
  if (last.keeps_requests()) owes_end_ = last.has_sent_end_ || last.owes_end_;
  failed_ = std::move(last.failed_);
  own_errors_ = std::move(last.own_errors_);
  requests_.keep_copies(last.requests_.take_copies());
}

/// The parts that were not read come along. A stream whose end has not come is an orphan.
void Core::take_over_streams(Core& last) {
  for (auto& [id, from] : last.requests_.streams().all_read()) {
    if (from.is_cancelled || from.entries.empty()) continue;
    Streams& streams = requests_.streams();
    Channel& channel = channels_.of(last.channels_.at(from.channel).id);
    streams.begin(id, channel.index, from.window);
    Streams::Reading& to = *streams.reading(id);
    const std::size_t count = from.entries.size();
    for (std::size_t i = 0; i != count; ++i) {
      // The entries are copied in turn, so that `last` has them all in their order if this throws.
      EntryPtr& front = from.entries.front();
      EntryPtr entry = inbox_.make_entry();
      entry->payload.append(front->payload.data(), front->payload.size());
      entry->kind = front->kind;
      entry->channel = channel.index;
      if (front->type != 0) entry->type = peer_names_.add_earlier(last.peer_names_.type(front->type));
      entry->loans = front->loans;
      entry->loan_cost = front->loan_cost;
      const std::size_t cost = entry->cost();
      streams.put(to, entry, from.has_end && i + 1 == count);
      inbox_.charge(cost);
      from.entries.push_back(nullptr);
      from.entries.back() = std::move(from.entries.front());
      from.entries.pop_front();
    }
    to.is_orphan = !to.has_end;
  }
}

/// Everything that the peer has sent and no receive has returned or thrown, in the order of its arrival.
std::vector<EntryPtr> Core::take_all_left() {
  inbox_.lift_limit();  // no more will come than is in the link now
  try {
    drain(Stop::at_last_frame);
  } catch (const Error&) {
    // What cannot be read is lost with the worker that has written it.
  }
  std::vector<EntryPtr> all;
  all.reserve(inbox_.live_count() + reader_.held_count());
  for (std::uint32_t channel = 0; channel < channels_.size(); ++channel) {
    while (Entry* const front = inbox_.front(channel)) all.push_back(inbox_.take_front(*front));
  }
  while (reader_.holds_error()) all.push_back(reader_.take_held());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->sequence < b->sequence; });
  return all;
}

void Core::return_all_left(std::vector<EntryPtr>& all) {
  for (EntryPtr& entry : all) FrameReader::is_error(entry->kind) ? reader_.hold(entry) : put_again(entry);
}

std::size_t Core::fail_orphans(std::exception_ptr error) {
  const std::vector<Orphan> orphans = std::exchange(orphans_, {});
  std::vector<RequestId> ids;
  for (const Orphan& orphan : orphans) ids.push_back(orphan.id);
  if (error != nullptr) failed_.add(std::move(ids), std::move(error));
  return orphans.size();
}

void Core::set_supervisor(std::weak_ptr<PeerSupervisor> supervisor) {
  supervisor_ = std::move(supervisor);
  const auto held = supervisor_.lock();
  if (held == nullptr) return;
  goes_on_ = held->keeps_calls() || held->resend_bytes().has_value();
  if (held->is_watching())
    peer_word_.fetch_or(kIsWatched, std::memory_order_relaxed);  // relaxed: before the first call
  reader_.states().keep(std::min(held->max_state_bytes(), options_.link.max_message_bytes));
  if (requests_.copies() != nullptr) return;
  if (const auto most = held->resend_bytes()) requests_.keep_copies(std::make_unique<KeptRequests>(*most));
}

void Core::prepare_call() const {
  if (const auto supervisor = supervisor_.lock()) supervisor->before_call();
}

bool Core::may_retire_peer() const noexcept {
  return writer_.publishing() != FrameWriter::Publishing::later && !has_sent_end_ && !has_asked_close_ && !peer_gone_ &&
         !requests_.streams().reads_any();
}

void Core::retire_peer() {
  send_end({.timeout = std::chrono::seconds(0)});
  retires_peer_ = true;
}

/// Says what is to become of the call that has failed by this error. This core may be gone afterwards.
Replacement Core::replace_peer(const Error& error, Timeout timeout) const {
  const std::shared_ptr<PeerSupervisor> supervisor = supervisor_.lock();
  const bool is_of_peer = dynamic_cast<const RemoteOrigin*>(&error) != nullptr;
  const os::Deadline deadline = gone_deadline_ ? *gone_deadline_ : os::Deadline(timeout.ns);
  if (supervisor == nullptr || is_of_peer || dynamic_cast<const DecodeError*>(&error) != nullptr)
    return {Replaced::and_throw, nullptr, deadline};
  return supervisor->replace_worker(error, deadline);
}

void Core::throw_not_yet_replaced() const {
  throw TimeoutError("worker " + options_.peer.name +
                     " has ended, and the time of this call is over before the one at which it is started again: "
                     "nothing was sent or received");
}

}  // namespace coproc::inline v0::detail
