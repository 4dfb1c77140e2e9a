// The transport over two rings in memory, with pipes to wake a sleeper: between processes (shm) or inside one (inproc).
//
// Waiting: the sleeper sets its waiting word, fences, looks once more, sleeps in poll on its own pipe, its thread's event (for
// interrupts) and the peer's pidfd. The producer publishes, fences, and writes into the sleeper's pipe only if the word is set. No
// open file description is used by both sides: each holds the read end of its own pipe and the write end of the peer's.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "coproc/options.hpp"
#include "link/borrower.hpp"
#include "link/lender.hpp"
#include "link/link_memory.hpp"
#include "link/spin.hpp"
#include "link/transport.hpp"
#include "os/epoll.hpp"
#include "os/event.hpp"
#include "os/fork_guard.hpp"
#include "os/pipe.hpp"
#include "os/thread_event.hpp"
#include "os/timer_fd.hpp"
#include "ring/ring.hpp"

namespace coproc::inline v0::link {

class RingTransport final : public Transport, public os::ForkSensitive {
 public:
  RingTransport(std::shared_ptr<LinkMemory> memory, int end, os::Fd wake_in, os::Fd wake_out, Timeout spin);
  RingTransport(const RingTransport&) = delete;
  RingTransport& operator=(const RingTransport&) = delete;
  ~RingTransport() override;

  WaitEnd wait(const os::Deadline& deadline, bool incoming, std::size_t space) override;
  std::chrono::nanoseconds begin_sleep(std::span<pollfd, kSleepFds> fds, bool incoming, std::size_t space) override;
  WaitEnd end_sleep(std::span<const pollfd, kSleepFds> fds) override;
  void look_aside() noexcept override;
  void interrupt() noexcept override;
  bool peer_has_ended() override;
  std::shared_ptr<Lender> lender() override;
  Borrower* borrower() override;
  int native_handle() override;
  void settle(bool has_work, std::uint32_t closes_known) noexcept override;

  /// The peer's process: from now on its pidfd says whether the peer is gone, and not the pipe (which a peer may close
  /// at will). The descriptor stays the caller's and must outlive the waits.
  void watch(int pidfd) noexcept { peer_pidfd_ = pidfd; }
  /// What open_shm_end() needs in another process: memory, wake-up pipes. Throws InvalidArgumentError where this link has
  /// no memory that can be sent, or has been used, so that the other process could not go on where this one is.
  std::array<int, 3> fds_to_hand_over() const;
  int end() const noexcept { return end_; }
  /// Zeroed at the start, and used by nothing of the link.
  std::span<std::byte, kCrashAreaBytes> crash_area() const noexcept { return memory_->crash_area(); }
  /// From now on nobody else can be given this link.
  void stay_here() noexcept {
    may_be_handed_over_ = false;
    if (memory_->loan_shape().space == 0) memory_->close_fd();
  }
  /// After stay_here(), in a process that may have hundreds of links.
  void spare_descriptor() noexcept { memory_->close_fd(); }
  /// Throws InvalidArgumentError where a forked worker could not go on where this process is: loans are not there in a child.
  void check_fork_may_keep() const;
  /// A descriptor that is emptied besides, in every wait and look_aside(): `empty` is called when it may be readable, and
  /// says whether more can ever come. To be called before native_handle(), once.
  void empty_also(int fd, std::function<bool()> empty) {
    aside_fd_ = fd;
    empty_aside_ = std::move(empty);
  }

 private:
  bool wake() noexcept override;
  bool look_found_nothing() override;
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
  void adopt_in_child() noexcept override;
  void list_fds(std::vector<int>& fds) const override;

  std::shared_ptr<LinkMemory> memory_;
  int end_;  // 0 or 1; constant after construction
  os::Fd wake_in_;
  os::Fd wake_out_;
  std::atomic<os::Event*> sleeps_on_{nullptr};  // what interrupt() has to set
  int peer_pidfd_ = -1;
  int aside_fd_ = -1;  // -1: nothing (more) to empty
  std::function<bool()> empty_aside_;
  bool is_lost_ = false;                       // this process has closed the link's descriptors
  bool has_slept_in_vain_ = false;             // the last sleep: nothing has ended it but its time
  std::optional<os::Deadline> hang_up_grace_;  // since a pipe hung up: until then the peer's process has to end
  int found_in_a_row_ = 0;                     // waits that did not sleep
  std::uint32_t closes_waited_for_ = 0;        // close requests that a wait has already reported
  std::int32_t processor_published_ = -1;
  SpinBudget spin_budget_;
  struct Armed {  // once native_handle() was called
    os::Epoll epoll;
    os::Event interrupted;
    os::Event has_work;
    bool says_work = false;
    std::optional<os::TimerFd> end_of_grace;  // once the peer's pipe has hung up, which is not watched any more then
  };
  std::unique_ptr<Armed> armed_;
  std::shared_ptr<Lender> lender_;
  std::unique_ptr<Borrower> borrower_;
  bool may_be_handed_over_ = true;
  os::ThreadEventUser may_sleep_;
  os::ForkRegistration registration_{*this};  // last: see fork_guard.hpp
};

/// Two ends over a sealed memfd, for two processes. Throws std::system_error, InvalidArgumentError.
std::pair<std::unique_ptr<RingTransport>, std::unique_ptr<RingTransport>> make_shm_pair(const LinkOptions& options);
/// The end `end` of a link, with what fds_to_hand_over() gave in another process. Throws std::system_error,
/// ProtocolError.
std::unique_ptr<RingTransport> open_shm_end(int end, os::Fd memory, os::Fd wake_in, os::Fd wake_out, Timeout spin);
/// An end that can be waited for and interrupted, and nothing else. It holds no descriptor that the program could close.
std::unique_ptr<RingTransport> make_end_without_peer();
/// Two ends in this process's own memory.
std::pair<std::unique_ptr<RingTransport>, std::unique_ptr<RingTransport>> make_inproc_pair(const LinkOptions& options);

}  // namespace coproc::inline v0::link
