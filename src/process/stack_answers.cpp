#include "process/stack_answers.hpp"

#include <setjmp.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>

#include "os/crash_signals.hpp"
#include "process/stack_writer.hpp"

namespace coproc::inline v0::process {

namespace {

constexpr pid_t kNobody = 0, kNobodyAnyMore = -1;

struct Answerer {
  StackWriter* writer = nullptr;  // constant while the handler is set
  std::atomic<pid_t> thread{kNobody};
  sigjmp_buf broken_off{};  // of that thread
};
constinit Answerer answerer;

/// The host takes an answer for complete only if it finds the number of its request before and behind the copy.
void write_answer(std::uint32_t request, const void* context) noexcept {
  std::atomic_ref number(answerer.writer->area().request);
  number.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);  // pairs with the fence in copy_answer()
  if (sigsetjmp(answerer.broken_off, 1) == 0) answerer.writer->write(context);
  number.store(request, std::memory_order_release);  // pairs with copy_answer()
}

void on_request(int, siginfo_t* info, void* context) {
  if (::getpid() != answerer.writer->process()) return;
  const int saved = errno;
  pid_t nobody = kNobody;
  // acquire and release: an answer is written over the one before
  if (answerer.thread.compare_exchange_strong(nobody, ::gettid(), std::memory_order_acquire)) {
    write_answer(static_cast<std::uint32_t>(info->si_value.sival_int), context);
    answerer.thread.store(kNobody, std::memory_order_release);
  }
  errno = saved;
}

}  // namespace

void answer_stack_requests(StackWriter& writer) {
  answerer.writer = &writer;
  answerer.thread.store(kNobody, std::memory_order_relaxed);  // relaxed: no handler is set yet, or it is a forked child
  os::handle_unless_handled(stack_signal(), &on_request);
}

void break_off_answer_of_this_thread() noexcept {
  // relaxed: only this thread stores its own number
  if (answerer.thread.load(std::memory_order_relaxed) == ::gettid()) siglongjmp(answerer.broken_off, 1);
}

void end_stack_answers() noexcept {
  for (int i = 0; i < 100; ++i) {
    pid_t nobody = kNobody;
    if (answerer.thread.compare_exchange_strong(nobody, kNobodyAnyMore, std::memory_order_acquire)) return;
    os::sleep_once(std::chrono::milliseconds(1));
  }
}

}  // namespace coproc::inline v0::process
