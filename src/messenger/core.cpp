#include "messenger/core.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "link/borrower.hpp"
#include "link/event_places.hpp"
#include "messenger/call_guard.hpp"
#include "messenger/error_table.hpp"

namespace coproc::inline v0::detail {

namespace {

std::uint64_t next_run() noexcept {
  static std::atomic<std::uint64_t> runs{0};
  return runs.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: the numbers must differ, and order nothing
}

}  // namespace

Core::Core(std::unique_ptr<link::Link> end, CoreOptions options)
    : link_(std::move(end)),
      options_(std::move(options)),
      run_(next_run()),
      own_names_(most_bytes_kept(options_.link), options_.peer),
      peer_names_(channels_, most_bytes_kept(options_.link), options_.peer),
      outgoing_loans_(*link_, options_.link),
      most_at_once_(std::min(link_->max_record() - link::kHeaderBytes, options_.link.max_message_bytes)),
      inbox_(options_.reorders, options_.link.max_queued_bytes),
      requests_(1, most_bytes_kept(options_.link) / 96),
      incoming_loans_(link_.get(), options_.link.max_message_bytes, options_.peer),
      reader_({peer_names_, requests_, inbox_, incoming_loans_, last_words_, options_.peer},
              options_.link.max_message_bytes) {
  if (options_.role == Role::worker && link_->peer_asks_in_hand()) requests_.tell_in_hand(link_->in_hand_words());
  if (options_.role == Role::worker && link_->peer_asks_release()) link_->release_at_once();
  if (link::EventWriter* const events = link_->events()) {
    // What is noted takes the long paths, which ask for it. So the short ones cost nothing where nothing is noted.
    most_at_once_ = 0;
    reader_.want_every_frame();
    notes_ = std::make_unique<EventNotes>(*events);
  }
}

Core::~Core() {
  if (options_.role == Role::worker) link::stop_beats_into(link_->beat_words());
  if (link_->events() != nullptr) link::note_spans_no_more_in(*link_->events());
}

std::size_t Core::queued(const ChannelId& channel) const noexcept {
  const Channel* const found = channels_.find(channel);
  return found == nullptr ? 0 : inbox_.live_count(found->index);
}

std::size_t Core::remaining(const ChannelId& channel) const noexcept { return counts(channel).remaining(); }

ChannelCounts Core::counts(const ChannelId& channel) const noexcept {
  const Channel* const found = channels_.find(channel);
  return found == nullptr ? ChannelCounts() : ChannelCounts(found->counts);
}

int Core::native_handle() {
  CallGuard guard(*this);
  const int handle = name_refusals("the messenger to " + options_.peer.name + " has no native handle",
                                   [&] { return link_->native_handle(); });
  has_native_handle_ = needs_settling_ = true;  // so the guard's destructor calls settle() at the end of this call, too
  return handle;
}

void Core::throw_if_interrupted() {
  CallGuard guard(*this);
  if (!link_->is_interrupted()) return;
  (void)wait(os::Deadline(std::chrono::seconds(0)), true, 0);  // consumes the interrupt
  throw InterruptedError("the receive from " + options_.peer.name + " was interrupted: nothing was lost");
}

void Core::settle() {
  if (room_wanted_at_ && *room_wanted_at_ != link_->sent_until()) room_wanted_at_.reset();  // something was sent since
  try {
    send_owed();
  } catch (const std::exception&) {
    // The next call tries it again, and throws.
  }
  unsent_deadline_.reset();
  needs_settling_ = has_native_handle_ || has_unsent_;
  if (!has_native_handle_) return;
  const bool has_new = operations_receive_ ? reader_.next_sequence() != operations_saw_
                                           : inbox_.live_count() + requests_.streams().unread() != 0;
  link_->settle(has_new || requests_.streams().has_reopened() || reader_.holds_error() || end_received() || peer_gone_,
                close_requests_thrown_, std::max(room_for_owed(), room_wanted_at_ ? room_wanted_ : 0));
}

bool Core::has_work(const ChannelId* replies_of) {
  CallGuard guard(*this);
  bool has_room_for_rest = false;
  try {
    drain(Stop::at_error);
    send_owed();
    has_room_for_rest = !has_unsent_ && has_rest() && !link_->reserve(next_piece()).empty();
  } catch (const ProtocolError&) {
    return true;  // a receive from this messenger throws it to the user
  }
  if (is_known_gone()) peer_gone_ = true;
  const bool has_message = replies_of == nullptr ? inbox_.live_count() + requests_.streams().unread() != 0
                                                 : inbox_.front(channels_.of(*replies_of).index, true) != nullptr;
  return has_message || has_room_for_rest || reader_.holds_error() ||
         link_->close_requests() != close_requests_thrown_ || reader_.is_inbox_full() || end_received() || peer_gone_;
}

std::chrono::nanoseconds Core::begin_sleep(SleepFds fds) {
  CallGuard guard(*this);
  if (notes_ != nullptr) notes_->began_wait();
  return link_->begin_sleep(fds, true, has_rest() ? next_piece() : room_for_owed());
}

bool Core::end_sleep(SleepFds fds) {
  CallGuard guard(*this);
  const link::WaitEnd end = link_->end_sleep(fds);
  if (notes_ != nullptr) notes_->ended_wait();
  if (end == link::WaitEnd::peer_gone) peer_gone_ = true;
  return end == link::WaitEnd::interrupted;
}

bool Core::try_drain() noexcept {
  std::uint32_t expected = kFree;
  if (!link_->is_own_process() ||
      !in_use_.compare_exchange_strong(expected, kOtherThreadDrains, std::memory_order_acquire))
    return false;
  const std::uint64_t drained_before = reader_.next_sequence();
  bool any = false;
  try {
    drain(Stop::at_last_frame);
    any = reader_.next_sequence() != drained_before;
    const bool is_gone = is_known_gone();
    if (is_gone && (any || !has_noted_unanswered_)) note_unanswered();
    if (is_gone) retire_loans();
  } catch (...) {
    // The caller only wants the peer to end. The user's own next call will throw the ProtocolError.
  }
  if (has_native_handle_) settle();
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

void Core::check_gone_after_failed_wake() {
  // The read end of the peer's pipe is closed: the peer has ended, or is ending right now. If it goes on instead,
  // wait() throws, here and in every later call.
  const os::Deadline grace(std::chrono::seconds(2));
  while (!grace.passed()) {
    const link::WaitEnd end = wait(grace, false, 0);
    if (end == link::WaitEnd::peer_gone) {
      peer_gone_ = true;
      report_peer_gone();
    }
    if (end == link::WaitEnd::interrupted)
      return link_->interrupt();  // the interrupt is meant for a call of the user that waits
  }
}

void Core::note_unanswered() {
  std::vector<RequestId> ids = requests_.without_reply();
  std::erase_if(ids, [&](RequestId id) { return inbox_.find_reply(static_cast<std::uint64_t>(id)) != nullptr; });
  last_words_.note_unanswered(std::move(ids));
  has_noted_unanswered_ = true;
}

/// Frees the memory that both ends have lent, except for what this end still uses. Call when the peer's process has
/// ended, since then no other process uses it. Does nothing while the link holds messages, which may refer to it.
void Core::retire_loans() noexcept {
  if (has_retired_loans_ || reader_.is_inbox_full()) return;
  try {
    if (link_->look()) return;
    outgoing_loans_.retire();
    if (link::Borrower* const borrower = link_->borrower()) borrower->retire();
    has_retired_loans_ = true;
  } catch (const std::exception&) {
    // Nothing more can be received from this link. Its destructor frees the memory.
  }
}

void Core::throw_end_was_sent() const {
  throw LinkClosedError("send_end() has told " + options_.peer.name +
                        " that nothing more will be sent: nothing was sent");
}

void Core::report_peer_gone(const os::Deadline* waited_until) {
  has_reported_gone_ = true;
  throw_peer_gone(waited_until);
}

void Core::throw_peer_gone(const os::Deadline* waited_until) {
  gone_deadline_ = waited_until == nullptr ? unsent_deadline_ : std::optional(*waited_until);
  try {
    drain(Stop::at_last_frame);  // a send may find the end first: replies still in the link must count as received
    note_unanswered();
    if (is_known_gone()) retire_loans();
  } catch (const std::exception&) {
    // The error to throw here is the peer's end. The next receive throws a ProtocolError.
  }
  if (options_.throw_gone) options_.throw_gone();
  throw PeerClosedError("the other end of the link was closed: nothing more can be sent or received");
}

}  // namespace coproc::inline v0::detail
