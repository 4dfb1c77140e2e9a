// What waits on one messenger without a thread: coroutines and handlers, which whoever drives resumes.
//
// For an event loop there is one descriptor: an epoll of the messenger's own, which is watched while something waits,
// and of a timer for the earliest deadline.
//
// Thread safety: that of the messenger.
// Invariants:
//  - An operation waits, or is done and not finished yet, or is in neither list.
//  - While an operation waits and there is a descriptor, the messenger's present link is watched, or only its
//    interrupts if its worker has ended and another one is to come.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include "coproc/detail/async.hpp"
#include "coproc/messenger.hpp"
#include "messenger/core.hpp"
#include "os/clock.hpp"
#include "os/epoll.hpp"
#include "os/fork_guard.hpp"
#include "os/timer_fd.hpp"

namespace coproc::inline v0::detail {

class AsyncCore final {
 public:
  explicit AsyncCore(Messenger& messenger) noexcept : messenger_(messenger) {}
  AsyncCore(const AsyncCore&) = delete;
  AsyncCore& operator=(const AsyncCore&) = delete;

  bool begin(AsyncOperation& operation);
  void cancel(AsyncOperation& operation);
  std::size_t cancel_all(const std::string& why);
  /// From now on every operation is cancelled at once.
  void close();
  int native_handle();
  std::size_t poll();
  bool wait(const os::Deadline& deadline);
  std::size_t waiting() const noexcept;

 private:
  class Loop;

  Core* core() const noexcept;
  std::exception_ptr serve(AsyncOperations& operations, bool is_all, bool looks_at_peer);
  void drive(bool looks_at_peer, std::chrono::nanoseconds time);
  void look_after_worker(std::exception_ptr end, std::chrono::nanoseconds time);
  void fail(AsyncOperations& operations, const std::exception_ptr& error) noexcept;
  std::int64_t next_look() const noexcept;
  std::int64_t first_deadline() const noexcept;
  std::size_t finish_done();
  void note_deadline(std::int64_t deadline);
  void tend_loop();

  Messenger& messenger_;
  AsyncOperations waiting_;
  AsyncOperations done_;
  std::unique_ptr<Loop> loop_;    // null before native_handle()
  std::int64_t next_look_ = 0;    // after a worker that is supervised; on the clock of the library
  std::uint64_t looked_run_ = 0;  // the link of that worker
  bool is_closed_ = false;
};

}  // namespace coproc::inline v0::detail
