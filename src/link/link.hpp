// One end of a link: a ring for each direction, and pipes to wake a sleeper. Between processes, or within one.
//
// What every message needs is inline here. What happens only when an end sleeps, waits or goes away is in link.cpp and
// link_wait.cpp.
//
// Waiting: a sleeper sets its waiting word, fences, looks once more, and sleeps in poll on its own pipe, its thread's
// event (for interrupts) and the peer's pidfd. The other end publishes, fences, and writes into the sleeper's pipe only
// if the word is set. No open file description is used by both ends: each holds the read end of its own pipe and the
// write end of the peer's.
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "coproc/options.hpp"
#include "link/event_writer.hpp"
#include "link/link_memory.hpp"
#include "link/side_words.hpp"
#include "link/spin.hpp"
#include "os/clock.hpp"
#include "os/cpu.hpp"
#include "os/epoll.hpp"
#include "os/event.hpp"
#include "os/fd.hpp"
#include "os/fork_guard.hpp"
#include "os/pipe.hpp"
#include "os/thread_event.hpp"
#include "os/timer_fd.hpp"
#include "ring/ring.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::link {

class Borrower;
class Lender;

enum class WaitEnd {
  changed,  // something may have arrived, or space may have become free: look
  timed_out,
  interrupted,  // by interrupt()
  peer_gone,    // the other end is closed or its process has ended; what it sent can still be read
};

/// Records go in at one end and come out at the other, whole, once, in order.
///
/// Thread safety: one thread at a time, apart from `interrupt`, `is_interrupted`, `close_requests` and `unread`, which
/// any thread may call.
class Link final : public os::ForkSensitive {
 public:
  Link(std::shared_ptr<LinkMemory> memory, int end, os::Fd wake_in, os::Fd wake_out, Timeout spin);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() override;

  // ---- sending ----

  /// The size of the largest record, with its length word, in bytes.
  std::size_t max_record() const noexcept { return producer_.max_record(); }
  /// Contiguous free space of at least `bytes` for one record; empty if the ring is full. Throws ProtocolError if the
  /// peer's position is impossible.
  std::span<std::byte> reserve(std::size_t bytes) {
    const auto room = producer_.reserve(bytes);
    if (room.empty() && producer_.is_broken()) throw_impossible("read position");
    return room;
  }
  /// Makes the first `bytes` of what was reserved a record. The peer sees it after `publish`.
  void commit(std::size_t bytes) noexcept { producer_.commit(bytes); }
  /// Shows all committed records to the peer and wakes it if it sleeps. False: the peer cannot be woken any more.
  bool publish() noexcept {
    producer_.publish();
    step("wake: fenced");
    // seq_cst, as the publication: pairs with the fence in begin_sleep(). Either this end sees the peer's waiting word,
    // or the peer sees what was published.
    const bool is_wanted = (peer_->waiting.load(std::memory_order_seq_cst) & kWaitsForRecords) != 0;
    found_at_once_ = 0;
    if (++published_in_a_row_ > kFew) producer_.prefetch();
    return !is_wanted || wake();
  }
  /// Where the next record begins, and whether the peer has released all that lies before such a place.
  std::uint64_t sent_until() const noexcept { return producer_.tail(); }
  bool has_peer_taken(std::uint64_t place) noexcept { return producer_.is_taken(place); }
  /// Publishes all committed records without waking a peer that sleeps: it finds them when it looks the next time.
  void publish_quietly() noexcept { producer_.publish_quietly(); }
  /// Declares that the record that was published last is to be returned before earlier ones.
  void note_overtaking() noexcept {
    // Only this end writes it. Release: pairs with overtakings(); whoever sees the count sees what was published before
    // it.
    own_->overtakings.store(++overtakings_, std::memory_order_release);
  }

  // ---- receiving ----

  /// Looks for new records; true if there is one to read. Records that arrive later stay invisible until the next look.
  /// Throws ProtocolError.
  bool look() {
    // A peer that keeps sending is slowed down by each look at the cache line on which it publishes: to a third of its
    // rate if there is a look for every message. So after a look that found only a little, the next one pauses until
    // there is more.
    if (consumer_.head() == consumer_.seen() && found_at_once_ != 0 && found_at_once_ < kLittle) {
      for (int i = 0; i < kPauses; ++i) os::relax();
    }
    const bool any = consumer_.look();
    found_at_once_ = consumer_.seen() - consumer_.head();
    return any || look_found_nothing();
  }
  /// The peer's count of note_overtaking(). While it stays the same, nothing overtakes what was seen.
  std::uint32_t overtakings() const noexcept {
    return peer_->overtakings.load(std::memory_order_acquire);  // pairs with note_overtaking()
  }
  /// The position of the oldest record that was not popped, and the end of the last record that was seen.
  std::uint64_t head() const noexcept { return consumer_.head(); }
  std::uint64_t seen() const noexcept { return consumer_.seen(); }
  /// The record at a position, which moves on to the next; empty if no more was seen. See ring::Consumer. Throws
  /// ProtocolError.
  std::span<const std::byte> read(std::uint64_t& position) {
    const auto record = consumer_.read(position);
    if (record.empty() && consumer_.is_broken()) throw_impossible("record");
    return record;
  }
  /// The oldest record that was seen and not popped, or empty. Throws ProtocolError.
  std::span<const std::byte> front() {
    const auto record = consumer_.front();
    if (record.empty() && consumer_.is_broken()) throw_impossible("record");
    return record;
  }
  void pop() noexcept {
    published_in_a_row_ = 0;
    consumer_.pop();
  }
  void pop_until(std::uint64_t position) noexcept { consumer_.pop_until(position); }
  /// Gives the popped records' space back and wakes the peer if it waits for space.
  void release() noexcept {
    if (consumer_.release()) wake_if_waiting(kWaitsForSpace);
  }
  /// Calls release() once there is enough to give back to be worth its cost.
  void release_if_due() noexcept {
    if (consumer_.is_release_due()) release();
  }

  // ---- close requests and stuck senders ----

  /// Counts up the close requests that the peer sees. Needs no space in the ring, and cannot be blocked.
  void request_close() noexcept;
  std::uint32_t close_requests() const noexcept {
    return peer_->close_requests.load(std::memory_order_acquire);  // pairs with request_close() at the peer
  }
  /// Publishes whether this end is blocked in a send with a full inbox. If both ends are, neither can ever go on.
  void set_stuck(bool is_stuck) noexcept;
  bool peer_is_stuck() const noexcept { return peer_->stuck.load(std::memory_order_seq_cst) == 1; }

  /// The bytes in each ring that may be unread, at most: space is given back in quarters. Only for reports: a peer can
  /// make it any number up to the size of the ring.
  struct Unread {
    std::size_t to_peer;
    std::size_t from_peer;
  };
  Unread unread() const noexcept;

  /// What the peer says about itself, for looks at its health: a peer can make it anything.
  struct PeerLook {
    bool waits_for_records;  // it has read everything
    bool is_blocked;         // in a send, since this end does not read
    bool has_unread;         // sure if it was asked to give space back at once
    std::uint64_t has_read;  // how far; only differences count
    std::uint64_t has_sent;
  };
  PeerLook look_at_peer() const noexcept;

  // ---- waiting ----

  /// Waits until something has arrived (if `incoming`), a record of `space` bytes fits (if not 0), a close request
  /// arrives, the peer is gone, interrupt() is called, or the deadline passes. May return `changed` although nothing
  /// has changed.
  WaitEnd wait(const os::Deadline& deadline, bool incoming, std::size_t space);
  static constexpr std::size_t kSleepFds = 4;
  /// The first half of a wait without spinning, for callers that wait for several links: fills in the descriptors to
  /// sleep on and returns for how long at most; zero if there is something already. Each call must be followed by
  /// end_sleep().
  std::chrono::nanoseconds begin_sleep(std::span<pollfd, kSleepFds> fds, bool incoming, std::size_t space);
  /// The second half, with the results of poll. Never returns `timed_out`.
  WaitEnd end_sleep(std::span<const pollfd, kSleepFds> fds);
  /// Ends the wait that is under way, or else the next one, with `interrupted`. Any thread.
  void interrupt() noexcept;
  /// Whether an interrupt is pending. Any thread.
  bool is_interrupted() const noexcept { return is_interrupted_.load(std::memory_order_relaxed); }  // relaxed: a look
  /// The descriptor that becomes readable for interrupts, of those behind native_handle(). REQUIRES: that was called.
  int interrupt_fd() const noexcept { return armed_->interrupted.fd(); }
  /// Whether the peer is gone at this moment, for calls that find nothing and do not wait. Throws std::system_error.
  bool peer_has_ended();

  /// Sets the pidfd of the peer's process. From now on it shows whether the peer is gone, and not the pipe, which a
  /// peer may close at will. The caller keeps owning the descriptor, which must outlive the waits.
  void watch_peer(int pidfd) noexcept { peer_pidfd_ = pidfd; }
  /// Watches one more descriptor. `on_readable` is called in every wait in which it is readable, and returns false when
  /// nothing more can come; then it is watched no longer. Call at most once, before native_handle().
  void watch_also(int fd, std::function<bool()> on_readable) {
    watched_fd_ = fd;
    on_readable_ = std::move(on_readable);
  }
  /// Calls `on_readable` of watch_also(), if there is one. wait() does so itself; calls that find nothing and do not
  /// wait must do it.
  void serve_watched() noexcept;

  /// A descriptor that is readable exactly while something has arrived, the peer is gone, or the last settle() said
  /// that there is work. Made at the first call.
  int native_handle();
  /// Must follow every call that may have emptied this end, once there is a native handle. `closes_known`: how many
  /// close requests the caller knows of; if there are more, that counts as work. So does room for a record of `space`
  /// bytes, if that is not 0.
  void settle(bool has_work, std::uint32_t closes_known, std::size_t space = 0) noexcept;

  // ---- loans ----

  /// Lends memory to the peer; made at the first call. Null if this link has no loans. Throws std::system_error.
  std::shared_ptr<Lender> lender();
  /// Borrows what the peer lends. Null if this link has no loans.
  Borrower* borrower() noexcept { return borrower_.get(); }
  /// Publishes whether this end copies what it is lent. If so, the peer lends nothing by itself.
  void set_copies_loans(bool copies) noexcept {
    // relaxed: a hint
    if (copies != copies_loans_) own_->copies_loans.store((copies_loans_ = copies) ? 1 : 0, std::memory_order_relaxed);
  }
  bool peer_copies_loans() const noexcept { return peer_->copies_loans.load(std::memory_order_relaxed) != 0; }

  // ---- this end and processes ----

  /// The number of this end: 0 or 1.
  int end() const noexcept { return end_; }
  /// Whether this process made this end or was given it. In a process that was forked from it only the destructor may
  /// be used.
  bool is_own_process() const noexcept { return generation_ == os::fork_generation(); }
  /// The descriptors that open_shm_end() needs in another process: the memory, the pipe that wakes this end, the pipe
  /// that wakes the peer. Throws InvalidArgumentError if the memory cannot be sent, or if this end has been used: the
  /// other process would not know its positions.
  std::array<int, 3> fds_to_hand_over() const;
  /// Refuses fds_to_hand_over() from now on, and closes the memory's descriptor if loans do not need it.
  void forbid_handover() noexcept;
  /// Closes the memory's descriptor, for a process that may have hundreds of links. Call after forbid_handover().
  void close_memory_fd() noexcept { memory_->close_fd(); }
  /// Throws InvalidArgumentError if loans were used. They are not mapped in a forked child, which could not use this
  /// end.
  void check_fork_may_keep() const;
  /// Asks the peer to tell what it has in hand. Call before the peer begins.
  void ask_in_hand() noexcept { own_->asks_in_hand.store(1, std::memory_order_relaxed); }  // relaxed: it comes first
  bool peer_asks_in_hand() const noexcept { return peer_->asks_in_hand.load(std::memory_order_relaxed) == 1; }
  InHandWords& in_hand_words() const noexcept { return memory_->header().in_hand; }
  BeatWords& beat_words() const noexcept { return memory_->header().beats; }
  /// Asks the peer to give space back at once, so that look_at_peer() knows what it has read. Call before it begins.
  void ask_release() noexcept { own_->asks_release.store(1, std::memory_order_relaxed); }  // relaxed: it comes first
  bool peer_asks_release() const noexcept { return peer_->asks_release.load(std::memory_order_relaxed) == 1; }
  void release_at_once() noexcept { consumer_.release_at_once(); }

  // ---- events ----

  /// Notes what this end does. Null: this link keeps no events.
  EventWriter* events() const noexcept { return events_.get(); }
  /// What an end has noted behind this number, as read_events() gives it. Any thread, while this link lives.
  NotedEvents events_of(int end, std::uint64_t behind, Look look = Look::last) const;

  /// 2.5 KiB of the link's memory, zero at the start, which the link itself does not use.
  std::span<std::byte, kCrashAreaBytes> crash_area() const noexcept { return memory_->crash_area(); }
  /// For whoever looks from outside.
  RestartNote& restart_note() const noexcept { return memory_->restart_note(); }

 private:
  static constexpr std::uint32_t kFew = 8;
  static constexpr std::uint64_t kLittle = 2048;  // bytes
  static constexpr int kPauses = 16;              // 0.45 us
  struct Armed {                                  // once native_handle() was called
    os::Epoll epoll;
    os::Event interrupted;
    os::Event has_work;
    bool says_work = false;
    std::optional<os::TimerFd>
        end_of_grace;  // from the hang-up of the peer's pipe on, which is then not watched any more
  };

  /// Returns false if the peer cannot be woken any more.
  bool wake_if_waiting(std::uint32_t for_what) noexcept {
    // Pairs with the fence in begin_sleep(): either this end sees the peer's waiting word, or the peer sees what was
    // published.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    step("wake: fenced");
    const std::uint32_t waiting = peer_->waiting.load(std::memory_order_relaxed);  // relaxed: ordered by the fence
    return (waiting & for_what) == 0 || wake();
  }
  bool wake() noexcept;
  bool look_found_nothing();
  [[noreturn]] static void throw_impossible(const char* what);
  bool is_satisfied(bool incoming, std::size_t space) noexcept;
  bool spin(bool incoming, std::size_t space, const os::Deadline& deadline) noexcept;
  WaitEnd sleep(const os::Deadline& deadline, bool incoming, std::size_t space);
  WaitEnd wake_up(std::span<const pollfd, kSleepFds> fds);
  WaitEnd report(WaitEnd end) noexcept;
  void note_hang_up() noexcept;
  void stop_watching_hung_up_pipe();
  void note_drained(os::Drained drained) noexcept;
  bool peer_process_has_ended() const noexcept;
  void throw_if_unreachable() const;
  void leave_in_child() noexcept override;
  void adopt_in_child() noexcept override { generation_ = os::fork_generation(); }
  void list_fds(std::vector<int>& fds) const override;

  ring::Producer producer_;
  ring::Consumer consumer_;
  SideWords* own_;   // constant after construction
  SideWords* peer_;  // constant after construction
  std::atomic<bool> is_interrupted_{false};

  unsigned long generation_ = os::fork_generation();
  std::uint32_t overtakings_ = 0;
  bool copies_loans_ = false;
  // Whether the traffic goes one way for now. If each end waits for the other's answer, work done ahead only costs
  // time.
  std::uint64_t found_at_once_ = 0;       // bytes, by the last look, if nothing was sent since
  std::uint32_t published_in_a_row_ = 0;  // since something was received

  std::shared_ptr<LinkMemory> memory_;
  int end_;  // constant after construction
  os::Fd wake_in_;
  os::Fd wake_out_;
  std::atomic<os::Event*> sleeps_on_{nullptr};  // the event that interrupt() has to set
  int peer_pidfd_ = -1;
  int watched_fd_ = -1;  // by watch_also(); -1: none, or nothing more can come
  std::function<bool()> on_readable_;
  bool is_lost_ = false;                       // this process has closed the link's descriptors
  bool has_slept_in_vain_ = false;             // nothing but its time has ended the last sleep
  std::optional<os::Deadline> hang_up_grace_;  // since a pipe hung up: by then the peer's process has to have ended
  int found_in_a_row_ = 0;                     // waits that did not sleep
  std::uint32_t closes_waited_for_ = 0;        // close requests that a wait has already reported
  std::int32_t processor_published_ = -1;
  SpinBudget spin_budget_;
  std::unique_ptr<Armed> armed_;
  std::shared_ptr<Lender> lender_;
  std::unique_ptr<Borrower> borrower_;
  bool may_be_handed_over_ = true;
  std::unique_ptr<EventWriter> events_;  // constant after construction
  os::ThreadEventUser may_sleep_;
  os::ForkRegistration registration_{*this};  // last: see fork_guard.hpp
};

/// Two ends over a sealed memfd, for two processes. Without `has_loans` everything is copied through the rings, as it
/// must be where a relay passes it on. Throws std::system_error, InvalidArgumentError.
std::pair<std::unique_ptr<Link>, std::unique_ptr<Link>> make_shm_pair(const LinkOptions& options, bool has_loans = true,
                                                                      EventShape events = {});
/// The end `end` of a link, from the descriptors that fds_to_hand_over() gave in another process. Throws
/// std::system_error, ProtocolError.
std::unique_ptr<Link> open_shm_end(int end, os::Fd memory, os::Fd wake_in, os::Fd wake_out, Timeout spin);
/// An end without a peer, which can only be waited for and interrupted. It holds no descriptor that the program could
/// close. Throws std::system_error.
std::unique_ptr<Link> make_end_without_peer();
/// Two ends in this process's own memory.
std::pair<std::unique_ptr<Link>, std::unique_ptr<Link>> make_inproc_pair(const LinkOptions& options,
                                                                         EventShape events = {});

}  // namespace coproc::inline v0::link
