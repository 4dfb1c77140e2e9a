// The implementation of a Messenger: it sends and receives untyped messages over a link.
//
// Its parts (docs/design.md) hold most of its state: Channels, OwnNames, PeerNames, RequestBooks, Inbox, OutgoingLoans,
// IncomingLoans, FrameReader, FrameWriter, LastWords, FailedRequests. Its own methods are in several files: core.cpp
// (lifetime, counts, waits for several messengers), call_guard.cpp (one call at a time), send.cpp, send_payload.cpp and
// answer.cpp (sends), declare.cpp (declarations before the first use of a name), in_place.cpp (receives straight from
// the link), receive.cpp (receives through the inbox), put_back.cpp (messages that the user returns), health.cpp
// (whether the worker hangs), save.cpp (states that a worker saves for the next one), latest.cpp (channels that keep
// one message), lend.cpp (memory that the user fills and lends), take_over.cpp (what is left of an earlier worker),
// resend.cpp (requests that are sent again to the next one), read_stream.cpp and answer_stream.cpp (requests that are
// answered in parts), note.cpp (events, if the link keeps them).
//
// Thread safety: one thread at a time, which `CallGuard` checks. Any thread may call `interrupt`, `close_requested`,
// `end_received`, `note_peer_gone`, `try_drain`, `final_error`, `has_final_error`, `unanswered` and `all_counts`.
//
// Invariants: they hold whenever `in_use_` is kFree, that is, when no call is under way.
//  - A message of the peer is unread in the link, incomplete in `reader_`, or in `inbox_`, until a receive returns it.
//    A part of a stream is in the Streams of `requests_` instead.
//    An error of the peer is held in `reader_` until a receive throws it. What is in the link arrived after all these.
//  - Messages that were put back have sequence numbers from `last_put_back_` on. Those that were drained have higher
//    ones, in the order of their arrival.
//  - `requests_` expects a reply to exactly those requests whose send has succeeded and whose reply was not returned.
//  - A channel's counts include the messages whose send has succeeded, and those that were returned and not put back.
//  - `outgoing_loans_` holds no loan, and `keeps_rest_` is false.
//  - `close_requests_thrown_` is the link's count of close requests when a receive last threw one, or 0.
//  - If `has_unsent_` is set, nothing may be sent before send_unsent() or send_owed() has sent what waits for being
//    sent again. `orphans_` are then empty.
//  - Once set, `has_sent_end_`, `peer_gone_`, `has_reported_gone_` and `has_native_handle_` stay set.
//    `has_reported_gone_` implies `peer_gone_`.
//  - If `has_native_handle_` or `has_unsent_` is set, settle() was called at the end of the last call.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "coproc/detail/async.hpp"
#include "coproc/detail/message_access.hpp"
#include "coproc/error_payload.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "link/frame.hpp"
#include "link/in_hand.hpp"
#include "link/link.hpp"
#include "messenger/channels.hpp"
#include "messenger/core_options.hpp"
#include "messenger/event_notes.hpp"
#include "messenger/failed_requests.hpp"
#include "messenger/frame_reader.hpp"
#include "messenger/frame_writer.hpp"
#include "messenger/inbox.hpp"
#include "messenger/incoming_loans.hpp"
#include "messenger/last_words.hpp"
#include "messenger/outgoing_loans.hpp"
#include "messenger/own_names.hpp"
#include "messenger/peer_health.hpp"
#include "messenger/peer_names.hpp"
#include "messenger/refused.hpp"
#include "messenger/request_books.hpp"
#include "messenger/supervisor.hpp"
#include "os/clock.hpp"

namespace coproc::inline v0::detail {

class Core {
 public:
  Core(std::unique_ptr<link::Link> end, CoreOptions options);
  ~Core();

  // send.cpp
  void send(const Outgoing& value, const ChannelId& channel, const SendOptions& options);
  std::uint64_t send_request(const Outgoing& value, const ChannelId& channel, const SendOptions& options);
  void send_requests(Outgoing value, std::size_t size, std::size_t count, std::vector<RequestId>& ids,
                     const ChannelId& channel, const SendOptions& options);
  bool try_send(const Outgoing& value, const ChannelId& channel, std::optional<Priority> priority);
  /// The id of the request; nullopt if there was no room for it.
  std::optional<std::uint64_t> try_send_request(const Outgoing& value, const ChannelId& channel,
                                                std::optional<Priority> priority);
  /// Like try_send, for callers that must never wait. If the message is sent in pieces, the pieces for which there is
  /// no room are kept. The caller must send them with `send_rest` before it sends anything else.
  bool begin_send(const Outgoing& value);
  bool has_rest() const noexcept { return writer_.has_rest(); }
  /// Sends as much of the rest as there is room for. Returns whether that was anything.
  bool send_rest();
  void send_reply(const Outgoing& value, const ChannelId& channel, const SendOptions& options);
  void reply_to(const Message& request, const Outgoing& value, const SendOptions& options);
  void send_close_request();
  /// Announces to the peer that nothing more will be sent. A second call does nothing.
  void send_end(const SendOptions& options);
  void begin_batch();
  void end_batch() noexcept;
  /// If `is_quiet`, messages sent from now on do not wake a peer that sleeps.
  void publish_quietly(bool is_quiet) noexcept {
    writer_.set_publishing(is_quiet ? FrameWriter::Publishing::quietly : FrameWriter::Publishing::at_once);
  }
  /// The end position of everything that was sent; and whether the peer has taken everything up to such a position out
  /// of the link. The peer publishes what it has taken from time to time, and whenever it calls `release_taken`.
  std::uint64_t sent_until() const noexcept { return link_->sent_until(); }
  bool has_peer_taken(std::uint64_t end) noexcept { return link_->has_peer_taken(end); }
  void release_taken() noexcept { link_->release(); }
  /// How often sends have found no room and had to wait or drain.
  std::uint64_t waits_for_room() const noexcept { return waits_for_room_; }

  // answer.cpp
  void reply_error_to(const Message& request, const ErrorType& type, const void* error, const SendOptions& options);
  /// Answers the request by the exception that is being handled.
  void reply_exception_to(const Message& request, const SendOptions& options);
  void send_error(const ErrorType& type, const void* error, const SendOptions& options);
  /// Sends the exception that is being handled. The peer reports it as the one that ended the target.
  void send_current_exception(const SendOptions& options);

  // lend.cpp
  LoanHandle lend(std::size_t count, std::size_t size);

  // in_place.cpp
  bool receive(const ChannelId* channels, std::size_t count, const Incoming& to, Timeout timeout);
  void receive_all(const ChannelId& channel, const Incoming& to);
  /// Appends the messages that have arrived to `into`, each as its size (32 bits) and its bytes. It takes only small
  /// messages of this type on the default channel, without loans, and stops at any other. Returns false if it stopped
  /// before the end, or could not begin: the caller must then receive the next message, if there is one.
  bool receive_block(const TypeInfo& type, Buffer& into);
  void receive_reply(RequestId id, const Incoming& to, Timeout timeout);
  bool receive_next_reply(const ChannelId& channel, const Incoming& to, Timeout timeout);
  /// Drops the reply to this request, now or when it comes. Returns false if the request is not open.
  bool discard_reply(std::uint64_t id);
  std::size_t available(const ChannelId& channel);

  // async.cpp
  /// Takes in what has arrived, and makes those of these operations done whose message has come, or which fail.
  /// `is_all`: no others wait. If `looks_at_peer`, an end of the peer that nothing else has told of is noticed, too.
  /// Returns the error that ends all of those that still wait; null: there is none.
  std::exception_ptr serve(AsyncOperations& waiting, AsyncOperations& done, bool is_all, bool looks_at_peer);
  /// Waits until serve() may have something to do. Throws SystemLimitError.
  void wait_for_news(const os::Deadline& deadline);
  /// From now on the native handle is readable only for what has arrived since the last serve().
  void let_operations_receive(bool do_so) noexcept { operations_receive_ = do_so; }

  // save.cpp
  /// Whether the peer keeps what this end saves.
  bool saves_states() const noexcept { return options_.max_state_bytes != 0; }
  void save(const Outgoing& state, const SendOptions& options);
  /// The same for a state and a reply, of which the peer gets both or neither. REQUIRES: saves_states().
  void save_and_reply(const Outgoing& state, const Outgoing& answer, const ChannelId& channel,
                      const SendOptions& options);
  void save_and_reply_to(const Outgoing& state, const Message& request, const Outgoing& answer,
                         const SendOptions& options);
  /// The newest state that the peer has saved; null: none. Call when the peer has ended.
  std::shared_ptr<const SavedState> take_in_saved_state();
  /// Whether a state was taken in already.
  bool has_saved_state() noexcept { return reader_.states().newest() != nullptr; }
  /// Whether the peer has answered any request.
  bool has_been_answered() const noexcept;

  // put_back.cpp
  void put_back(Message& message);

  // read_stream.cpp
  /// What has become of the next part of a stream: it has not come, was delivered, was delivered as the last one, or
  /// there is none any more.
  enum class Part { none, more, last, over };
  std::uint64_t begin_stream(const Outgoing& request, const ChannelId& channel, const StreamOptions& options);
  Part next_part(std::uint64_t id, const Incoming& to, Timeout timeout);
  void cancel_stream(std::uint64_t id);
  /// After WorkerDiedError: whether the stream was asked for again.
  bool goes_on_with_stream(std::uint64_t id) noexcept;
  bool reads_stream(std::uint64_t id) noexcept;
  std::size_t queued_parts(std::uint64_t id) noexcept;
  [[noreturn]] void throw_no_part(std::uint64_t id) const;

  // answer_stream.cpp
  void reply_part_to(const Message& request, const Outgoing& part, const SendOptions& options);
  bool try_reply_part_to(const Message& request, const Outgoing& part);

  // latest.cpp
  void keep_latest(const ChannelId& channel);
  /// The same for the channels for which `last` was told so. Call before this core receives anything.
  void keep_latest_as(const Core& last);

  // core.cpp
  /// Throws a SystemLimitError for the std::bad_alloc that is being handled. If the peer has sent it, rethrows it.
  [[noreturn]] void throw_no_memory(const std::bad_alloc& error) const;
  std::size_t queued(const ChannelId& channel) const noexcept;
  /// The number of messages in the inbox, on all channels.
  std::size_t queued() const noexcept { return inbox_.live_count(); }
  std::size_t remaining(const ChannelId& channel) const noexcept;
  ChannelCounts counts(const ChannelId& channel) const noexcept;
  /// Any thread: the sums over all channels.
  ChannelCounts all_counts() const noexcept { return channels_.all_counts(); }
  bool close_requested() const noexcept { return link_->close_requests() != 0; }
  bool end_received() const noexcept { return reader_.end_received(); }
  void interrupt() noexcept { link_->interrupt(); }
  int native_handle();
  /// The part of native_handle() that is readable for interrupts alone. REQUIRES: native_handle() was called.
  int interrupt_handle() const noexcept { return link_->interrupt_fd(); }
  /// The halves of a wait for anything: see Link. end_sleep() returns whether an interrupt has ended the wait.
  using SleepFds = std::span<pollfd, link::Link::kSleepFds>;
  std::chrono::nanoseconds begin_sleep(SleepFds fds);
  bool end_sleep(SleepFds fds);
  /// Whether a receive would return or throw something now, or the peer is gone; for wait_any. If `replies_of` is not
  /// null, only replies on this channel count, and no other messages.
  bool has_work(const ChannelId* replies_of = nullptr);
  std::uint64_t next_request_id() const noexcept { return requests_.next_id(); }
  /// Call before the first request of this core, which takes the place of `last`: an id of `last` names none of this.
  void continue_ids_of(const Core& last) noexcept { requests_.continue_from(last.next_request_id()); }
  /// Consumes a pending interrupt and throws InterruptedError, for callers that receive without waiting.
  void throw_if_interrupted();
  /// See Message::run().
  std::uint64_t run() const noexcept { return run_; }
  link::Link& underlying_link() noexcept { return *link_; }
  const CoreOptions& options() const noexcept { return options_; }

  /// Any thread: moves the messages that have arrived into the inbox, unless a call is under way, which drains by
  /// itself. Returns whether it moved any.
  bool try_drain() noexcept;
  /// Any thread: the exception that left the peer's target, if it has arrived, and its description.
  std::pair<std::exception_ptr, std::string> final_error() const { return last_words_.error(); }
  bool has_final_error() const { return last_words_.has_error(); }
  /// Any thread, once the peer counts as gone: the requests of this end without a reply, in the order of their sends.
  std::vector<RequestId> unanswered() const { return last_words_.unanswered(); }
  /// For the worker layer, which knows the worker's pid only after it has made the core.
  void set_peer_pid(int pid) noexcept { options_.peer.pid = pid; }
  /// Any thread: from now on the peer counts as gone, and no wait sleeps any more.
  void note_peer_gone() noexcept { peer_word_.fetch_or(kKnownGone, std::memory_order_release); }

  // take_over.cpp
  void set_supervisor(std::weak_ptr<PeerSupervisor> supervisor);
  bool is_supervised() const noexcept { return !supervisor_.expired(); }
  void take_over(Core& last);
  /// The requests of the core that was taken over which have no reply fail by this error, each when its reply is
  /// received; or, if it is null, they are forgotten. Returns their number.
  std::size_t fail_orphans(std::exception_ptr error);
  /// This request has failed, and its caller was told.
  void forget_failure(RequestId id) noexcept { failed_.take(id); }
  Replacement replace_peer(const Error& error, Timeout timeout) const;
  /// Whether a call may go on with another peer.
  bool goes_on() const noexcept { return goes_on_; }
  /// Call before each call of a messenger that goes on.
  void prepare_call() const;
  /// Whether the peer may be told the end of messages and be replaced: the end would not be published in a batch, and
  /// a stream that nobody reads meanwhile could hold up its sender.
  bool may_retire_peer() const noexcept;
  /// As send_end(), for a peer that is to make place for another one: it does not wait, and it is not the user who says
  /// it.
  void retire_peer();
  /// Whether it was only retire_peer() that has told the peer to end.
  bool retires_peer() const noexcept { return retires_peer_; }
  /// The next peer is not told the end that this one's predecessor was told.
  void forget_end() noexcept { owes_end_ = false; }
  [[noreturn]] void throw_not_yet_replaced() const;
  /// The requests that the last worker had in hand are not counted as attempts.
  void count_no_attempt() noexcept { in_hand_ = {}; }
  /// Tells whoever looks from outside by which restart the peer was started.
  void tell_restart(std::uint64_t number, std::chrono::nanoseconds since_1970, int pid_before, std::uint32_t reason,
                    std::string_view text) noexcept {
    link_->restart_note().write(number, since_1970.count(), pid_before, reason, text);
  }
  /// Whether calls that do not wait report the end of the peer also if that was done: it is not replaced yet.
  void ask_again(bool do_so) noexcept { asks_again_ = do_so; }
  bool asks_again() const noexcept { return asks_again_; }

  // resend.cpp
  /// What becomes of the orphans: those of which copies are kept wait for being sent again, and the others fail.
  /// A request that was in hand at `attempts` ends, of which `end` is the last one, fails by the error that `give_up`
  /// makes of all these ends, and the others by `error`. An error is received like a reply, or by the stream. Returns
  /// how many wait.
  std::size_t resend_orphans(std::size_t attempts, const ExitStatus& end, const std::exception_ptr& error,
                             const std::function<std::exception_ptr(std::vector<ExitStatus>)>& give_up);
  /// Whether unanswered requests will be sent again to the next worker.
  bool keeps_requests() const noexcept { return requests_.copies() != nullptr; }
  std::size_t orphans() const noexcept { return orphans_.size(); }
  /// From now on what waits for being sent again is sent, before anything else.
  void begin_resending() noexcept {
    has_unsent_ = keeps_requests() && (requests_.copies()->has_unsent() || owes_end_);
    if (owes_end_) has_sent_end_ = true;  // not before, since on_restart still sends
    if (has_unsent_) needs_settling_ = true;
  }

  // health.cpp
  /// Call in watch() only.
  void look_at_health(PeerHealth& health);
  /// For programs that do not wait in calls: looks at the worker's health if that is due, and throws as a send does if
  /// the worker has ended and no call has reported it. Returns when the next look is due, from now.
  std::optional<std::chrono::nanoseconds> look_after_peer();
  /// Lets the supervisor look, as Supervised::look() does. This core may be gone afterwards.
  std::chrono::nanoseconds let_supervisor_look() const;

 private:
  class CallGuard;
  // answer.cpp
  std::uint64_t request_to_answer(const Message& request);
  void send_error_reply(const Message& request, std::uint64_t id, std::span<const std::byte> payload,
                        const os::Deadline& deadline);

  // send.cpp
  template <link::FrameKind kKind>
  std::uint64_t send_as(const Outgoing& value, const ChannelId& channel, const SendOptions& options,
                        std::uint64_t answers);
  template <link::FrameKind kKind>
  std::optional<std::uint64_t> try_send_as(const Outgoing& value, const ChannelId& channel,
                                           std::optional<Priority> priority);
  bool goes_at_once(const Outgoing& value, std::uint32_t channel) const noexcept;
  bool send_at_once(const link::FrameHeader& header, const Priority& priority, const Outgoing& value);
  std::size_t send_requests_at_once(const Outgoing& value, std::size_t size, std::size_t count, const ChannelId& name,
                                    const SendOptions& options);
  void send_slowly(link::FrameHeader header, const Outgoing& value, Channel& channel, const os::Deadline& deadline);
  void send_and_note(link::FrameHeader header, const Outgoing& value, Channel& channel, const os::Deadline& deadline);

  // send_payload.cpp
  std::span<const std::byte> write_first_piece(std::span<std::byte> room, link::FrameHeader header,
                                               std::span<const std::byte> payload);
  std::size_t send_payload(link::FrameHeader header, const Outgoing& value, const os::Deadline& deadline);
  void send_bytes(link::FrameHeader header, std::span<const std::byte> payload, const os::Deadline& deadline);
  void send_fragments(link::FrameHeader header, std::span<const std::byte> payload, const os::Deadline& deadline);
  std::size_t next_piece() const noexcept { return writer_.next_piece(link_->max_record()); }
  std::span<std::byte> room_for(std::size_t bytes, const os::Deadline& deadline);
  void publish();

  // declare.cpp
  std::uint32_t channel_number(Channel& channel, const os::Deadline& deadline) {
    return channel.number != Channel::kUndeclared ? channel.number : declare_channel(channel, deadline);
  }
  std::uint32_t declare_channel(Channel& channel, const os::Deadline& deadline);
  std::uint32_t type_number(const TypeInfo& type, const os::Deadline& deadline) {
    return own_names_.is_last(type) ? own_names_.last_number() : look_up_type(type, deadline);
  }
  std::uint32_t look_up_type(const TypeInfo& type, const os::Deadline& deadline);

  // resend.cpp
  void keep_copy(const Outgoing& request, const ChannelId& channel, const Priority& priority, std::uint64_t window = 0);
  bool write_if_room(link::FrameHeader header, std::span<const std::byte> payload);
  bool send_again(std::uint64_t id, const KeptRequest& request);
  bool forget_if_unwanted(std::uint64_t id);
  void resend_some();
  void wait_and_send_unsent(const Timeout& timeout);
  /// Sends all that waits for being sent again, in this time at most. Throws what a send throws.
  void send_unsent(const Timeout& timeout) {
    if (has_unsent_) [[unlikely]]
      wait_and_send_unsent(timeout);
  }
  /// The deadline of a call that may take so long, and maybe has waited in send_unsent().
  os::Deadline deadline_of(const Timeout& timeout) const noexcept {
    return unsent_deadline_ ? *unsent_deadline_ : os::Deadline(timeout.ns);
  }
  void fail_request(std::uint64_t id, std::uint32_t index, std::exception_ptr error);
  void refuse_if_left(const Channel& channel);
  std::exception_ptr error_of(const Entry& reply);
  /// Sends what this end owes its peer by itself, as far as there is room: requests that are sent again, and what its
  /// streams owe. What is left goes with a later call. Throws ProtocolError if the link is broken.
  void send_owed();
  /// The bytes of space that a wait has to wait for, so that what is owed can be sent; 0: nothing is owed.
  std::size_t room_for_owed() const noexcept { return has_unsent_ ? unsent_room_ : room_for_credit(); }

  // save.cpp
  std::span<const std::byte> encode_state(const Outgoing& state, Buffer& buffer) const;
  void save_with_reply(const Outgoing& state, const Outgoing& answer, const ChannelId& channel, std::uint64_t id,
                       const SendOptions& options);
  // health.cpp
  std::chrono::nanoseconds watch();
  /// For calls that do not wait and have found nothing.
  void watch_if_idle(const Channel& channel) {
    const bool is_watched = (peer_word_.load(std::memory_order_relaxed) & kIsWatched) != 0;  // relaxed: never changes
    if (is_watched && inbox_.live_count(channel.index) == 0) [[unlikely]]
      (void)watch();
  }

  // async.cpp
  bool serve_one(AsyncOperation& operation, bool in_place);
  bool throw_what_ends_waits(bool looks_at_peer);

  // read_stream.cpp
  Part take_part(std::uint64_t id, const Incoming& to);
  void pay_streams();
  void try_pay_streams() noexcept;
  std::size_t room_for_credit() const noexcept;

  // answer_stream.cpp
  std::uint64_t stream_to_answer(const Message& request, const os::Deadline& deadline);
  [[noreturn]] void end_cancelled(const Message& request, std::uint64_t id, const os::Deadline& deadline);
  void wait_for_credit(const Message& request, std::uint64_t id, const os::Deadline& deadline);
  void send_part(const ChannelId& channel, std::uint64_t id, const Outgoing& part, const os::Deadline& deadline);

  // latest.cpp
  void put_again(EntryPtr& entry);
  void drop_replaced(Channel& channel, MessageParts& parts) noexcept;

  // in_place.cpp
  bool parse_frame_for(Channel& channel, const Incoming& to, std::span<const std::byte> record, link::Frame& frame);
  bool deliver_in_place(const Channel& channel, const link::Frame& frame, const Incoming& to);
  bool decode_in_place(const Channel& channel, const link::Frame& frame, const Incoming& to);
  enum class InPlace { returned, nothing_came, may_be_in_pieces, not_possible };
  InPlace receive_in_place(Channel& channel, const Incoming& to);
  InPlace receive_pieces_in_place(Channel& channel, const Incoming& to, const os::Deadline& deadline);
  bool is_for(Channel& channel, const Incoming& to, const link::FrameHeader& header);
  bool has_valid_id(const Channel& channel, const link::FrameHeader& header);
  bool receive_reply_in_place(Channel& channel, std::uint64_t id, const Incoming& to);
  bool receive_all_in_place(Channel& channel, const Incoming& to);
  Entry* queued_front(const Channel& channel);

  // receive.cpp
  bool receive_from_inbox(const ChannelId* channels, std::size_t count, Channel* only, const Incoming& to);
  void throw_held_error();
  void throw_if_close_requested() {
    if (const std::uint32_t count = link_->close_requests(); count != close_requests_thrown_)
      throw_new_close_request(count);
  }
  [[noreturn]] void throw_new_close_request(std::uint32_t count);
  [[noreturn]] void throw_close_request();
  [[noreturn]] void throw_end_of_messages();
  /// For calls that have found nothing and do not wait. Messages on other channels must be received first.
  void throw_end_if_all_is_received() {
    if (end_received() && inbox_.live_count() == 0 && !has_reported_gone_) throw_end_of_messages();
  }
  /// `end_waits_for_inbox`: whether, after the deadline, the announced end of messages is not thrown while the inbox
  /// holds messages on other channels.
  bool wait_for_more(const os::Deadline& deadline, bool end_waits_for_inbox = true);
  bool wait_until(const os::Deadline& deadline, bool is_late, bool throws_end);
  bool wait_watched(const os::Deadline& deadline, bool is_late, bool throws_end);
  link::WaitEnd wait(const os::Deadline& deadline, bool incoming, std::size_t space) {
    const WaitNote note(notes_.get(), deadline);
    try {
      return link_->wait(deadline, incoming, space);
    } catch (const std::system_error& error) {
      throw_wait_refused(error);
    }
  }
  [[noreturn]] void throw_wait_refused(const std::system_error& error) const;
  bool check_peer_gone();
  void take_and_deliver(Channel& channel, Entry& entry, const Incoming& to, bool in_turn = true);
  void deliver_entry(Entry& entry, const Incoming& to);
  void fill_parts(MessageParts& parts, link::FrameKind kind, std::uint32_t type, std::uint64_t request_id) const;
  void count_returned(Channel& channel, const link::FrameKind kind, std::uint64_t request_id) {
    ++channel.counts.received;
    if (kind == link::FrameKind::request) {
      requests_.note_returned_request(channel, request_id);
    } else if (kind != link::FrameKind::message) {
      requests_.note_returned_reply(channel, request_id);
    }
  }
  void check_type(std::uint32_t type, const ChannelId& channel, const TypeInfo& wanted) const;
  void settle();
  // note.cpp
  /// Call for each message that was sent, and for each that a receive returns, if `notes_` is not null.
  /// `begun`: when its call began.
  void note_sent(link::FrameKind kind, std::uint64_t id, const TypeInfo& type, std::int64_t begun) noexcept;
  void note_received(const Entry& entry) noexcept;

  // core.cpp
  using Stop = FrameReader::Stop;
  void drain(Stop stop) { reader_.drain(*link_, stop); }
  static constexpr std::uint32_t kFree = 0, kOwnersCall = 1, kOtherThreadDrains = 2;  // in_use_
  void wait_for_turn(bool is_taken);
  template <class Look>
  auto look_at_streams(Look look) noexcept -> decltype(look(std::declval<const Streams&>()));
  /// For sends: the peer may be noted as gone before a wait finds it out, as after stop().
  bool is_known_gone() const noexcept {
    return (peer_word_.load(std::memory_order_acquire) & kKnownGone) != 0;  // pairs with note_peer_gone()
  }
  void throw_if_gone() {
    if (is_known_gone()) peer_gone_ = true;
    if (peer_gone_) report_peer_gone();
  }
  void throw_if_closed() {
    throw_if_gone();
    if (has_sent_end_) throw_end_was_sent();
  }
  [[noreturn]] void throw_end_was_sent() const;
  void note_unanswered();
  void retire_loans() noexcept;
  void check_gone_after_failed_wake();
  /// `waited_until`: the deadline of a call that has waited.
  [[noreturn]] void report_peer_gone(const os::Deadline* waited_until = nullptr);
  [[noreturn]] void throw_peer_gone(const os::Deadline* waited_until = nullptr);
  [[noreturn]] void throw_not_outstanding(RequestId id);
  // take_over.cpp
  void take_over_streams(Core& last);
  std::vector<EntryPtr> take_all_left();
  void return_all_left(std::vector<EntryPtr>& all);

  std::unique_ptr<link::Link> link_;
  CoreOptions options_;
  std::uint64_t run_;  // identifies this link in its process; constant after construction
  std::atomic<std::uint32_t> in_use_{0};

  Channels channels_;
  OwnNames own_names_;
  PeerNames peer_names_;

  // sending
  FrameWriter writer_;
  Buffer scratch_;
  OutgoingLoans outgoing_loans_;
  std::size_t most_at_once_;  // the size of the largest value that send_at_once() sends; constant after construction
  std::unique_ptr<EventNotes> notes_;  // null: nothing is noted; constant after construction
  bool keeps_rest_ = false;            // whether the current send is a begin_send()
  std::uint64_t waits_for_room_ = 0;
  std::size_t room_wanted_ = 0;                  // by the last send that found no room
  std::optional<std::uint64_t> room_wanted_at_;  // the end of what was sent, if that send did not wait
  bool has_sent_end_ = false;
  bool retires_peer_ = false;     // retire_peer() has sent it, and the user has not wanted the same since
  bool has_asked_close_ = false;  // the user has

  // receiving
  Inbox inbox_;
  RequestBooks requests_;  // declared behind the inbox, whose entries its streams hold
  IncomingLoans incoming_loans_;
  LastWords last_words_;
  FrameReader reader_;
  std::uint64_t last_put_back_ = FrameReader::kFirstSequence;  // the lowest sequence number of a message put back
  std::uint32_t close_requests_thrown_ = 0;
  bool has_thrown_end_of_messages_ = false;
  bool peer_gone_ = false;
  bool has_reported_gone_ = false;  // a send or a waiting receive has reported it
  // One word for both, so that a wait has to look at one only.
  static constexpr std::uint8_t kKnownGone = 1, kIsWatched = 2;  // by note_peer_gone(); by set_supervisor()
  std::atomic<std::uint8_t> peer_word_{0};
  bool has_native_handle_ = false;
  bool needs_settling_ = false;       // has_native_handle_ is set, or has_unsent_ was set after the last call
  bool operations_receive_ = false;   // let_operations_receive()
  std::uint64_t operations_saw_ = 0;  // the sequence number that the next message had after the last serve()
  bool has_noted_unanswered_ = false;
  bool has_retired_loans_ = false;
  bool asks_again_ = false;  // ask_again()
  // restarts of a supervised worker
  std::weak_ptr<PeerSupervisor> supervisor_;
  bool goes_on_ = false;
  std::optional<os::Deadline> gone_deadline_;  // of the call that has found the end, if it has waited
  struct Orphan {
    RequestId id;
    std::uint32_t channel;  // Channel::index; kStream: it is answered in parts
  };
  static constexpr std::uint32_t kStream = ~std::uint32_t{0};
  std::vector<Orphan> orphans_;  // between take_over() and fail_orphans() or resend_orphans()
  link::InHand in_hand_;         // of these, what their worker had in hand
  FailedRequests failed_;
  bool has_unsent_ = false;
  bool owes_end_ = false;  // the end of this side's messages was told to an earlier peer, and is told again behind them
  std::optional<os::Deadline> unsent_deadline_;  // of the present call, if it had to send these first
  std::size_t unsent_room_ = 0;                  // by which the next frame of these has found no room
  /// Of the error replies in the inbox that no peer has sent, by their request ids. Those that were returned stay until
  /// the next restart, since they may be put back.
  std::map<std::uint64_t, std::exception_ptr> own_errors_;
  struct Left {
    std::uint32_t channel;  // Channel::index
    std::uint64_t run, id;
  };
  std::vector<Left> left_to_answer_;   // requests of earlier workers that were returned, oldest first
  std::size_t answers_of_others_ = 0;  // replies that this core has had to requests, and not from its peer
};

/// Makes the call. A std::bad_alloc becomes an error of this messenger, unless the peer has sent it.
template <class Call>
auto with_memory(const Core& core, Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc& error) {
    core.throw_no_memory(error);
  }
}

}  // namespace coproc::inline v0::detail
