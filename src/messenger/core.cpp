#include "messenger/core.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "link/borrower.hpp"
#include "messenger/error_table.hpp"

namespace coproc::inline v0::detail {

namespace {

std::uint64_t next_run() noexcept {
  static std::atomic<std::uint64_t> runs{0};
  return runs.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: only the numbers must differ
}

}  // namespace

/// For a guard that cannot go on at once. Throws, and the messenger is as if this call had never been, or returns.
void Core::wait_for_turn(bool is_taken) {
  if (!link_->is_own_process()) {
    if (is_taken)
      in_use_.store(kFree, std::memory_order_relaxed);  // relaxed: a forked child's copy, of no use to anybody
    throw NotOwnerError("this messenger (to " + options_.peer.name +
                        ") belongs to the process that this one was forked from: make links of your own here");
  }
  for (;;) {
    std::uint32_t expected = kFree;
    if (in_use_.compare_exchange_weak(expected, kOwnersCall, std::memory_order_acquire)) return;
    if (expected == kOwnersCall) {
      throw ConcurrentUseError(
          "two threads use the messenger to " + options_.peer.name +
          " at the same time (or a codec uses it while it is called by it): give each thread its own");
    }
    // A drain from outside takes no longer than the messages that have come.
  }
}

Core::Core(std::unique_ptr<link::Link> end, CoreOptions options)
    : link_(std::move(end)),
      options_(std::move(options)),
      run_(next_run()),
      own_names_(most_bytes_kept(options_.link), options_.peer),
      peer_names_(channels_, most_bytes_kept(options_.link), options_.peer),
      requests_(options_.first_request_id, most_bytes_kept(options_.link) / 96),
      outgoing_loans_(*link_, options_.link),
      most_at_once_(std::min(link_->max_record() - link::kHeaderBytes, options_.link.max_message_bytes)),
      inbox_(options_.reorders, options_.link.max_queued_bytes),
      incoming_loans_(link_.get(), options_.link.max_message_bytes, options_.peer),
      reader_({peer_names_, requests_, inbox_, incoming_loans_, last_words_, options_.peer},
              options_.link.max_message_bytes) {}

Core::~Core() = default;

std::size_t Core::queued(const ChannelId& channel) const noexcept {
  const Channel* const found = channels_.find(channel);
  return found == nullptr ? 0 : inbox_.live_count(found->index);
}

std::size_t Core::remaining(const ChannelId& channel) const noexcept { return counts(channel).remaining(); }

ChannelCounts Core::counts(const ChannelId& channel) const noexcept {
  const Channel* const found = channels_.find(channel);
  return found == nullptr ? ChannelCounts() : found->counts;
}

int Core::native_handle() {
  CallGuard guard(*this);
  const int handle = name_refusals("the messenger to " + options_.peer.name + " has no native handle",
                                   [&] { return link_->native_handle(); });
  is_armed_ = true;  // the guard's end settles
  return handle;
}

void Core::throw_if_interrupted() {
  CallGuard guard(*this);
  if (!link_->is_interrupted()) return;
  (void)wait(os::Deadline(std::chrono::seconds(0)), true, 0);  // takes it
  throw InterruptedError("the receive from " + options_.peer.name + " was interrupted: nothing was lost");
}

void Core::settle() {
  link_->settle(inbox_.live_count() != 0 || reader_.holds_error() || end_received() || peer_gone_, closes_thrown_);
}

bool Core::has_work(const ChannelId* replies_of) {
  CallGuard guard(*this);
  bool has_room_for_rest = false;
  try {
    drain(Stop::at_error);
    has_room_for_rest = has_rest() && !link_->reserve(next_piece()).empty();
  } catch (const ProtocolError&) {
    return true;  // of several messengers it is this one whose receive throws it
  }
  if (peer_known_gone_.load(std::memory_order_acquire)) peer_gone_ = true;  // pairs with note_peer_gone()
  const bool has_message =
      replies_of == nullptr ? inbox_.live_count() != 0 : inbox_.front(channels_.of(*replies_of).index, true) != nullptr;
  return has_message || has_room_for_rest || reader_.holds_error() || link_->close_requests() != closes_thrown_ ||
         reader_.is_inbox_full() || end_received() || peer_gone_;
}

std::chrono::nanoseconds Core::begin_sleep(SleepFds fds) {
  CallGuard guard(*this);
  return link_->begin_sleep(fds, true, has_rest() ? next_piece() : 0);
}

bool Core::end_sleep(SleepFds fds) {
  CallGuard guard(*this);
  const link::WaitEnd end = link_->end_sleep(fds);
  if (end == link::WaitEnd::peer_gone) peer_gone_ = true;
  return end == link::WaitEnd::interrupted;
}

bool Core::try_drain() noexcept {
  std::uint32_t expected = kFree;
  if (!link_->is_own_process() ||
      !in_use_.compare_exchange_strong(expected, kDrainFromOutside, std::memory_order_acquire))
    return false;
  const std::uint64_t drained_before = reader_.next_sequence();
  bool any = false;
  try {
    drain(Stop::at_nothing);
    any = reader_.next_sequence() != drained_before;
    const bool is_gone = peer_known_gone_.load(std::memory_order_acquire);  // pairs with note_peer_gone()
    if (is_gone && (any || !has_noted_unanswered_)) note_unanswered();
    if (is_gone) retire_loans();
  } catch (...) {
    // A lying peer is told to the user by his own next call; here somebody only wants it to end.
  }
  if (is_armed_) settle();
  in_use_.store(kFree, std::memory_order_release);  // pairs with the acquire of the next guard
  return any;
}

void Core::throw_no_memory(const std::bad_alloc& error) const {
  if (dynamic_cast<const RemoteOrigin*>(&error) != nullptr) throw;
  throw_refused("a call on the messenger to " + options_.peer.name, ENOMEM, "there is not enough memory for it");
}

void Core::throw_wait_refused(const std::system_error& error) const {
  throw_refused("the wait for " + options_.peer.name + " failed", error.code().value(), error.what());
}

void Core::check_gone_after_broken_wake() {
  // Nobody holds the read end of the peer's pipe any more: it has ended, or is just about to have. One that lives on is
  // found out by the link, which then throws at once, also the next time.
  const os::Deadline grace(std::chrono::seconds(2));
  while (!grace.passed()) {
    const link::WaitEnd end = wait(grace, false, 0);
    if (end == link::WaitEnd::peer_gone) {
      peer_gone_ = true;
      throw_gone();
    }
    if (end == link::WaitEnd::interrupted) return link_->interrupt();  // it is for the next wait
  }
}

void Core::note_unanswered() {
  std::vector<RequestId> ids = requests_.without_reply();
  std::erase_if(ids, [&](RequestId id) { return inbox_.find_reply(static_cast<std::uint64_t>(id)) != nullptr; });
  last_words_.note_unanswered(std::move(ids));
  has_noted_unanswered_ = true;
}

/// The peer's process has ended, so that nobody but this end uses the link's memory: what both have lent goes back to
/// the system, but for what is still used here. Not before all messages are out of the link, which refer to it.
void Core::retire_loans() noexcept {
  if (has_retired_loans_ || reader_.is_inbox_full()) return;
  try {
    if (link_->look()) return;
    outgoing_loans_.retire();
    if (link::Borrower* const borrower = link_->borrower()) borrower->retire();
    has_retired_loans_ = true;
  } catch (const std::exception&) {
    // A link of which nothing more can be received: its memory goes with it.
  }
}

void Core::throw_gone() {
  has_told_end_ = true;
  throw_end();
}

void Core::throw_end() {
  try {
    drain(Stop::at_nothing);  // a send may see the end before a receive does: what came shall count
    note_unanswered();
    if (peer_known_gone_.load(std::memory_order_acquire)) retire_loans();  // pairs with note_peer_gone()
  } catch (const std::exception&) {
    // What is told is the end; a lying peer is told by the next receive.
  }
  if (options_.throw_gone) options_.throw_gone();
  throw PeerClosedError("the other end of the link was closed: nothing more can be sent or received");
}

}  // namespace coproc::inline v0::detail
