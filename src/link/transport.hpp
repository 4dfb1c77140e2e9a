// What a messenger needs of whatever carries its frames: two rings, and a way to wake the peer and to wait for it.
//
// What every message does is here, inline, on the rings themselves; what a message does only when a side sleeps, waits or
// ends is virtual.
#pragma once

#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "link/side_words.hpp"
#include "os/clock.hpp"
#include "os/cpu.hpp"
#include "os/fork_guard.hpp"
#include "ring/ring.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::link {

class Borrower;
class Lender;

enum class WaitEnd {
  changed,  // something may have come, or space may have become free: look
  timed_out,
  interrupted,  // by interrupt()
  peer_gone,    // the other end is closed or its process has ended; what it sent can still be read
};

/// One end of a link. Records go in at one end and come out at the other, whole, once, in order.
///
/// Thread safety: one thread at a time, apart from `interrupt` and `close_requests`, which any thread may call.
class Transport {
 public:
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  // ---- sending ----

  /// Records (with their length word) of at most this many bytes.
  std::size_t max_record() const noexcept { return producer_.max_record(); }
  /// Contiguous free space of at least `bytes` for one record, or empty: full. Throws ProtocolError for a lying peer.
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
    // seq_cst, as the publication: pairs with the fence of who goes to sleep. Either we see its waiting word, or it sees
    // what we published.
    const bool is_wanted = (peer_->waiting.load(std::memory_order_seq_cst) & kWaitsForRecords) != 0;
    found_at_once_ = 0;
    if (++published_in_a_row_ > kFew) producer_.prefetch();
    return !is_wanted || wake();
  }
  /// Shows all committed records to the peer, when it looks the next time: a peer that sleeps is not woken.
  void publish_quietly() noexcept { producer_.publish_quietly(); }
  /// Tells the peer that what was published last overtakes what came before it.
  void note_overtaking() noexcept {
    // Only this side writes it. Release: pairs with overtakings(); who sees the count sees what was published before it.
    own_->overtakings.store(++overtakings_, std::memory_order_release);
  }

  // ---- receiving ----

  /// Looks what has come; true if there is something. Until the next look no more is seen. Throws ProtocolError.
  bool look() {
    // A peer that keeps sending is slowed down by each look at the cache line on which it publishes, to a third where every
    // message is looked for. So where one look after the other has found a little, the next waits until there is more.
    if (consumer_.head() == consumer_.seen() && found_at_once_ != 0 && found_at_once_ < kLittle) {
      for (int i = 0; i < kPauses; ++i) os::relax();
    }
    const bool any = consumer_.look();
    found_at_once_ = consumer_.seen() - consumer_.head();
    return any || look_found_nothing();
  }
  /// What the peer has counted by note_overtaking(): while it stays the same, nothing overtakes what was seen.
  std::uint32_t overtakings() const noexcept {
    return peer_->overtakings.load(std::memory_order_acquire);  // pairs with note_overtaking()
  }
  /// Where the oldest record that was not popped begins, and where what was seen ends.
  std::uint64_t head() const noexcept { return consumer_.head(); }
  std::uint64_t seen() const noexcept { return consumer_.seen(); }
  /// The record at a position, or empty: no more was seen. See ring::Consumer. Throws ProtocolError.
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
  /// The same where there is so much of it that it pays.
  void release_if_due() noexcept {
    if (consumer_.is_release_due()) release();
  }

  // ---- close requests and stuck senders ----

  /// Counts up the close requests that the peer sees: needs no space, cannot be blocked.
  void request_close() noexcept;
  std::uint32_t close_requests() const noexcept {
    return peer_->close_requests.load(std::memory_order_acquire);  // pairs with request_close() at the peer
  }
  /// "Blocked in a send with a full inbox": where both sides say so, nobody will ever go on.
  void set_stuck(bool is_stuck) noexcept;
  bool peer_is_stuck() const noexcept { return peer_->stuck.load(std::memory_order_seq_cst) == 1; }

  // ---- waiting ----

  /// Waits until something has come (where `incoming`), a record of `space` bytes fits (where not 0), a close request
  /// arrives, the peer is gone, an interrupt, or the deadline. May also return `changed` for nothing.
  virtual WaitEnd wait(const os::Deadline& deadline, bool incoming, std::size_t space) = 0;
  /// The two halves of a wait without spinning, for who waits for several links. `begin_sleep`: this end is about to sleep, on these
  /// descriptors, at most for so long; zero: not at all, for there is something already. Each is followed by an `end_sleep`, with
  /// what poll has said of them, which never says `timed_out`.
  static constexpr std::size_t kSleepFds = 4;
  virtual std::chrono::nanoseconds begin_sleep(std::span<pollfd, kSleepFds> fds, bool incoming, std::size_t space) = 0;
  virtual WaitEnd end_sleep(std::span<const pollfd, kSleepFds> fds) = 0;
  /// What `wait` empties besides the link, if anything: for calls that find nothing and do not wait.
  virtual void look_aside() noexcept {}
  /// Any thread: the wait that is under way, or else the next one, ends with `interrupted`.
  virtual void interrupt() noexcept = 0;
  /// Whether it will. Any thread.
  bool is_interrupted() const noexcept { return is_interrupted_.load(std::memory_order_relaxed); }  // relaxed: a look
  /// Whether the peer is gone at this moment, for calls that find nothing and do not wait. Throws std::system_error.
  virtual bool peer_has_ended() = 0;

  /// By which this end lends memory to the peer; made at the first call. Null: this link has no loans. Throws
  /// std::system_error.
  virtual std::shared_ptr<Lender> lender() { return nullptr; }
  /// By which it borrows what the peer lends. Null: this link has no loans.
  virtual Borrower* borrower() { return nullptr; }
  /// Tells the peer whether what it lends has to be copied here, so that it lends nothing by itself.
  void say_copies_loans(bool copies) noexcept {
    // relaxed: a hint
    if (copies != copies_loans_) own_->copies_loans.store((copies_loans_ = copies) ? 1 : 0, std::memory_order_relaxed);
  }
  bool peer_copies_loans() const noexcept { return peer_->copies_loans.load(std::memory_order_relaxed) != 0; }

  /// A descriptor that is readable exactly while something has come, the peer is gone, or `settle` was told of work.
  /// Made at the first call; from then on `settle` is owed after every call that may have emptied this end, with how many
  /// close requests the user knows of: one more is work, too.
  virtual int native_handle() = 0;
  virtual void settle(bool has_work, std::uint32_t closes_known) noexcept = 0;

  /// The end's own process, or not: after a fork only the destructor may be used.
  bool is_own_process() const noexcept { return generation_ == os::fork_generation(); }

 protected:
  Transport(SideWords& own, SideWords& peer, ring::Producer producer, ring::Consumer consumer) noexcept
      : producer_(producer), consumer_(consumer), own_(&own), peer_(&peer) {}

  /// False: the peer cannot be woken any more.
  bool wake_if_waiting(std::uint32_t for_what) noexcept {
    // Pairs with the fence of who goes to sleep: either we see its waiting word, or it sees what we published.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    step("wake: fenced");
    const std::uint32_t waiting = peer_->waiting.load(std::memory_order_relaxed);  // relaxed: ordered by the fence
    return (waiting & for_what) == 0 || wake();
  }
  /// The peer sleeps: the system call.
  virtual bool wake() noexcept = 0;
  /// Looked and found nothing: false, or throws for a peer that can never send anything any more.
  virtual bool look_found_nothing() = 0;
  [[noreturn]] static void throw_impossible(const char* what);

  void belong_to_this_process() noexcept { generation_ = os::fork_generation(); }

  ring::Producer producer_;
  ring::Consumer consumer_;
  SideWords* own_;   // constant after construction
  SideWords* peer_;  // constant after construction
  std::atomic<bool> is_interrupted_{false};

 private:
  static constexpr std::uint32_t kFew = 8;
  static constexpr std::uint64_t kLittle = 2048;  // bytes
  static constexpr int kPauses = 16;              // 0.45 us

  unsigned long generation_ = os::fork_generation();
  std::uint32_t overtakings_ = 0;
  bool copies_loans_ = false;
  // Whether the traffic goes one way for now. Where each side waits for the other's answer, the fastest is to do nothing ahead.
  std::uint64_t found_at_once_ = 0;       // bytes, by the look before, if nothing was sent since
  std::uint32_t published_in_a_row_ = 0;  // since something was received
};

}  // namespace coproc::inline v0::link
