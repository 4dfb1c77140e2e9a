// What stands behind a Messenger: the sending and receiving of untyped messages over a link.
//
// What it knows is kept by its parts (docs/design.md): Channels, OwnNames, PeerNames, RequestBooks, Inbox,
// OutgoingLoans, IncomingLoans, FrameReader, FrameWriter, LastWords. Its own methods are in several files: core.cpp
// (lifetime, counts, waits for several messengers), send.cpp and answer.cpp (sends), declare.cpp (declarations before
// the first use of a name), in_place.cpp (straight from the link to the user), receive.cpp (receives, and from the
// inbox to the user), put_back.cpp (from the user back into the inbox), lend.cpp (memory that the user takes to lend
// it).
//
// Thread safety: one thread at a time, which `CallGuard` checks; `interrupt`, `close_requested` and `try_drain` from
// any.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "coproc/detail/message_access.hpp"
#include "coproc/error_payload.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "link/frame.hpp"
#include "link/link.hpp"
#include "messenger/channels.hpp"
#include "messenger/frame_reader.hpp"
#include "messenger/frame_writer.hpp"
#include "messenger/inbox.hpp"
#include "messenger/incoming_loans.hpp"
#include "messenger/last_words.hpp"
#include "messenger/outgoing_loans.hpp"
#include "messenger/own_names.hpp"
#include "messenger/peer.hpp"
#include "messenger/peer_names.hpp"
#include "messenger/refused.hpp"
#include "messenger/request_books.hpp"
#include "os/clock.hpp"

namespace coproc::inline v0::detail {

/// Which end this is: what a close request and the peer's end mean follows from it.
enum class Role { pair, host, worker };

struct CoreOptions {
  Role role = Role::pair;
  bool reorders = true;
  LinkOptions link;
  Peer peer = {};  // for errors
  /// Ids of requests go on where those of an earlier link of the same messenger have ended.
  std::uint64_t first_request_id = 1;
  /// Throws what the peer's end means to the user. Called when all that the peer had sent has been received.
  std::function<void()> throw_gone;
};

/// The most bytes that the peer can make this end keep of each kind of thing that is never received: as much as an
/// inbox may hold, and enough for some thousands of names and requests where that is little.
inline std::size_t most_bytes_kept(const LinkOptions& options) noexcept {
  return std::max(options.max_queued_bytes, std::size_t{4} << 20);
}

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
  /// As try_send, but of a message that is sent in pieces those that find no room are kept: `send_rest` sends them,
  /// later, and nothing else can be sent before they are out. For who must never wait.
  bool begin_send(const Outgoing& value);
  bool has_rest() const noexcept { return writer_.has_rest(); }
  /// Sends what there is room for. Whether that was anything.
  bool send_rest();
  void send_reply(const Outgoing& value, const ChannelId& channel, const SendOptions& options);
  void reply_to(const Message& request, const Outgoing& value, const SendOptions& options);
  void reply_error_to(const Message& request, const ErrorType& type, const void* error, const SendOptions& options);
  void send_error(const ErrorType& type, const void* error, const SendOptions& options);
  /// Sends the exception that is being handled as what ended the target.
  void send_current_exception(const SendOptions& options);
  void send_close_request();
  /// Behind all that was sent: nothing follows. Once; again it does nothing.
  void send_end(const SendOptions& options);
  void begin_batch();
  void end_batch() noexcept;
  /// From now on what is sent does not wake a peer that sleeps, or again does.
  void publish_quietly(bool is_quiet) noexcept {
    writer_.set_publishing(is_quiet ? FrameWriter::Publishing::quietly : FrameWriter::Publishing::at_once);
  }
  /// The end of all that was sent, and whether the peer has taken all up to such an end out of the link, and has said
  /// so: it does at the latest when it calls `release_taken`.
  std::uint64_t sent_until() const noexcept { return link_->sent_until(); }
  bool has_peer_taken(std::uint64_t end) noexcept { return link_->has_peer_taken(end); }
  void release_taken() noexcept { link_->release(); }
  /// How often a send had to look for room.
  std::uint64_t waits_for_room() const noexcept { return waits_for_room_; }

  // lend.cpp
  LoanHandle lend(std::size_t count, std::size_t size);

  // in_place.cpp
  bool receive(const ChannelId* channels, std::size_t count, const Incoming& to, Timeout timeout);
  void receive_all(const ChannelId& channel, const Incoming& to);
  /// Appends what has come to `into`: each message as its size (32 bits) and its bytes. As far as these are small
  /// messages of this type, without a channel and without loans, and nothing overtakes them. False: what comes next, if
  /// anything, is to be received.
  bool receive_block(const TypeInfo& type, Buffer& into);
  void receive_reply(RequestId id, const Incoming& to, Timeout timeout);
  bool receive_next_reply(const ChannelId& channel, const Incoming& to, Timeout timeout);
  std::size_t available(const ChannelId& channel);

  // put_back.cpp
  void put_back(Message& message);

  // core.cpp
  /// Names what a call has met, the exception that is being handled, unless it is an error that the peer has sent.
  [[noreturn]] void throw_no_memory(const std::bad_alloc& error) const;
  std::size_t queued(const ChannelId& channel) const noexcept;
  /// The messages of all channels that are in the inbox.
  std::size_t queued() const noexcept { return inbox_.live_count(); }
  std::size_t remaining(const ChannelId& channel) const noexcept;
  ChannelCounts counts(const ChannelId& channel) const noexcept;
  bool close_requested() const noexcept { return link_->close_requests() != 0; }
  bool end_received() const noexcept { return reader_.end_received(); }
  void interrupt() noexcept { link_->interrupt(); }
  int native_handle();
  /// The halves of a wait for anything: see Link. The second returns whether an interrupt has ended it.
  using SleepFds = std::span<pollfd, link::Link::kSleepFds>;
  std::chrono::nanoseconds begin_sleep(SleepFds fds);
  bool end_sleep(SleepFds fds);
  /// Whether a receive would return or throw something right now (or the peer is gone); for wait_any. `replies_of`:
  /// only the receive of a reply of this channel.
  bool has_work(const ChannelId* replies_of = nullptr);
  std::uint64_t next_request_id() const noexcept { return requests_.next_id(); }
  /// For who takes out again and again what nobody waits for.
  void throw_if_interrupted();
  /// As Message::run().
  std::uint64_t run() const noexcept { return run_; }
  link::Link& underlying_link() noexcept { return *link_; }
  const CoreOptions& options() const noexcept { return options_; }

  /// Any thread: moves what has come into the inbox, unless a call is under way, which drains by itself. True:
  /// something had come.
  bool try_drain() noexcept;
  /// Any thread: the exception that left the peer's target, if it has arrived, and its description.
  std::pair<std::exception_ptr, std::string> final_error() const { return last_words_.error(); }
  bool has_final_error() const { return last_words_.has_error(); }
  /// Any thread, once the peer counts as gone: the requests sent here whose reply has not come, in the order of their
  /// sends.
  std::vector<RequestId> unanswered() const { return last_words_.unanswered(); }
  /// For the worker layer, which learns the worker's pid after the core was made.
  void set_peer_pid(int pid) noexcept { options_.peer.pid = pid; }
  /// From now on the peer counts as gone: no wait will sleep any more.
  void note_peer_gone() noexcept { peer_known_gone_.store(true, std::memory_order_release); }

 private:
  class CallGuard;
  // send.cpp
  std::uint64_t request_to_answer(const Message& request);
  template <link::FrameKind kKind>
  std::uint64_t send_as(const Outgoing& value, const ChannelId& channel, const SendOptions& options,
                        std::uint64_t answers);
  bool send_at_once(const link::FrameHeader& header, const Priority& priority, const Outgoing& value);
  void send_slowly(link::FrameHeader header, const Outgoing& value, Channel& channel, const os::Deadline& deadline);
  void send_payload(link::FrameHeader header, const Outgoing& value, const os::Deadline& deadline);
  void send_bytes(link::FrameHeader header, std::span<const std::byte> payload, const os::Deadline& deadline);
  void send_fragments(link::FrameHeader header, std::span<const std::byte> payload, const os::Deadline& deadline);
  std::size_t next_piece() const noexcept { return writer_.next_piece(link_->max_record()); }
  std::span<std::byte> room_for(std::size_t bytes, const os::Deadline& deadline);
  void publish();
  std::uint32_t channel_number(Channel& channel, const os::Deadline& deadline) {
    return channel.number != Channel::kUndeclared ? channel.number : declare_channel(channel, deadline);
  }
  std::uint32_t declare_channel(Channel& channel, const os::Deadline& deadline);
  std::uint32_t type_number(const TypeInfo& type, const os::Deadline& deadline) {
    return own_names_.is_last(type) ? own_names_.last_number() : look_up_type(type, deadline);
  }
  std::uint32_t look_up_type(const TypeInfo& type, const os::Deadline& deadline);

  // in_place.cpp
  bool receive_at_once(Channel& channel, const Incoming& to);
  void pop_returned(link::Link& link, Channel& channel, const link::FrameHeader& header);
  bool frame_for(Channel& channel, const Incoming& to, std::span<const std::byte> record, link::Frame& frame);
  bool give_in_place(const Channel& channel, const link::Frame& frame, const Incoming& to);
  bool decode_in_place(const Channel& channel, const link::Frame& frame, const Incoming& to);
  enum class InPlace { returned, nothing_came, not_possible };
  InPlace receive_in_place(Channel& channel, const Incoming& to, const os::Deadline& deadline);
  InPlace receive_pieces_in_place(Channel& channel, const Incoming& to, std::span<const std::byte> record,
                                  const os::Deadline& deadline);
  bool is_for(Channel& channel, const Incoming& to, const link::FrameHeader& header);
  bool receive_reply_in_place(Channel& channel, std::uint64_t id, const Incoming& to);
  bool receive_all_in_place(Channel& channel, const Incoming& to);
  Entry* queued_front(const Channel& channel);

  // receive.cpp
  bool receive_slowly(const ChannelId* channels, std::size_t count, const Incoming& to, Timeout timeout);
  void throw_pending();
  void throw_close() {
    if (const std::uint32_t asked = link_->close_requests(); asked != closes_thrown_) throw_new_close(asked);
  }
  [[noreturn]] void throw_new_close(std::uint32_t asked);
  [[noreturn]] void throw_close_request();
  [[noreturn]] void throw_end_of_messages();
  /// For calls that have found nothing and do not wait: what other channels hold is to be received first.
  void throw_end_if_all_is_received() {
    if (end_received() && inbox_.live_count() == 0 && !has_told_end_) throw_end_of_messages();
  }
  /// `is_of_all`: where the time is over and the peer has sent its end, what other channels hold is to be received
  /// first.
  bool wait_for_more(const os::Deadline& deadline, bool is_of_all = true);
  link::WaitEnd wait(const os::Deadline& deadline, bool incoming, std::size_t space) {
    try {
      return link_->wait(deadline, incoming, space);
    } catch (const std::system_error& error) {
      throw_wait_refused(error);
    }
  }
  [[noreturn]] void throw_wait_refused(const std::system_error& error) const;
  bool look_for_end();
  void deliver(Channel& channel, Entry& entry, const Incoming& to, bool in_turn = true);
  void give(Entry& entry, const Incoming& to);
  void fill(MessageParts& parts, link::FrameKind kind, std::uint32_t type, std::uint64_t request_id) const;
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

  // core.cpp
  using Stop = FrameReader::Stop;
  void drain(Stop stop) { reader_.drain(*link_, stop); }
  static constexpr std::uint32_t kFree = 0, kOwnersCall = 1, kDrainFromOutside = 2;  // in_use_
  void wait_for_turn(bool is_taken);
  /// For sends: the end may be known before any wait has met it, as after a stop().
  void throw_if_gone() {
    if (peer_known_gone_.load(std::memory_order_acquire)) peer_gone_ = true;  // pairs with note_peer_gone()
    if (peer_gone_) throw_gone();
  }
  void throw_if_closed() {
    throw_if_gone();
    if (has_sent_end_) throw_sent_end();
  }
  [[noreturn]] void throw_sent_end() const;
  void note_unanswered();
  void retire_loans() noexcept;
  void check_gone_after_broken_wake();
  [[noreturn]] void throw_gone();
  [[noreturn]] void throw_end();

  std::unique_ptr<link::Link> link_;
  CoreOptions options_;
  std::uint64_t run_;  // identifies this link in its process; constant after construction
  std::atomic<std::uint32_t> in_use_{0};

  Channels channels_;
  OwnNames own_names_;
  PeerNames peer_names_;
  RequestBooks requests_;

  // sending
  FrameWriter writer_;
  Buffer scratch_;
  OutgoingLoans outgoing_loans_;
  std::size_t most_at_once_;  // the largest value that send_at_once() sends; constant after construction
  bool keeps_rest_ = false;   // of the send that is under way
  std::uint64_t waits_for_room_ = 0;
  bool has_sent_end_ = false;

  // receiving
  Inbox inbox_;
  IncomingLoans incoming_loans_;
  LastWords last_words_;
  FrameReader reader_;
  std::vector<std::pair<link::FrameKind, std::uint64_t>> answerable_;  // a receive_all's; kept for its memory
  std::uint64_t last_put_back_ = FrameReader::kFirstSequence;  // the sequence numbers of what is put back count down
  std::uint32_t closes_thrown_ = 0;
  bool has_thrown_end_of_messages_ = false;
  bool peer_gone_ = false;
  bool has_told_end_ = false;  // by a receive or a send
  std::atomic<bool> peer_known_gone_{false};
  bool is_armed_ = false;
  bool has_noted_unanswered_ = false;
  bool has_retired_loans_ = false;
};

/// Held through every call: refuses foreign processes and a second thread.
class Core::CallGuard {
 public:
  explicit CallGuard(Core& core) : core_(core) {
    std::uint32_t expected = kFree;
    const bool is_free = core.in_use_.compare_exchange_strong(expected, kOwnersCall, std::memory_order_acquire);
    if (!is_free || !core.link_->is_own_process()) core.wait_for_turn(is_free);
  }
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;
  ~CallGuard() {
    if (core_.is_armed_) core_.settle();
    core_.in_use_.store(kFree, std::memory_order_release);  // pairs with the acquire of the next guard
  }

 private:
  Core& core_;
};

}  // namespace coproc::inline v0::detail
