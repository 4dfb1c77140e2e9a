#include "process/stack_request.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <string>

#include "coproc/detail/foreign_text.hpp"
#include "os/crash_signals.hpp"
#include "process/stack_answers.hpp"
#include "sandbox/calls.hpp"

namespace coproc::inline v0::process {

namespace {

/// An answer takes some 50 us if the thread runs at once.
constexpr std::chrono::microseconds kFirstPause{20}, kLongestPause{1000};

const char* name_of_state(char state) {
  switch (state) {
    case 'R':
      return "running";
    case 'S':
    case 'I':
      return "sleeping";
    case 'D':
      return "in an uninterruptible sleep";
    case 'T':
      return "stopped";
    case 't':
      return "held by a debugger";
    case 'Z':
    case 'X':
      return "ended";
    default:
      return "unknown";
  }
}

/// Why a thread in this state is not asked; null if it is. A request would wait until the thread goes on.
const char* why_not_asked(char state) {
  switch (state) {
    case 'T':
      return "a stopped thread cannot answer";
    case 't':
      return "a thread that a debugger holds cannot answer";
    case 'Z':
    case 'X':
      return "it has ended";
    default:
      return nullptr;
  }
}

std::optional<CrashArea> await_answer(std::uint32_t request, const os::Deadline& deadline,
                                      FunctionRef<std::optional<CrashArea>(std::uint32_t)> look) {
  for (auto pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    if (auto answer = look(request)) return answer;
    if (deadline.passed()) return std::nullopt;
    os::sleep_once(pause);
  }
}

}  // namespace

ThreadStack thread_without_stack(const os::ThreadState& thread) {
  ThreadStack described = {
      .id = thread.id, .name = detail::in_one_line(thread.name), .state = name_of_state(thread.state)};
  if (thread.call) described.system_call = sandbox::name_of_call(*thread.call);
  return described;
}

std::optional<CrashArea> copy_answer(const CrashArea& area, std::uint32_t request) {
  const auto number = [&](int order) { return __atomic_load_n(&area.request, order); };  // atomic_ref takes no const
  if (number(__ATOMIC_ACQUIRE) != request) return std::nullopt;  // pairs with the release in write_answer()
  CrashArea copy;
  std::memcpy(&copy, &area, sizeof copy);
  std::atomic_thread_fence(std::memory_order_acquire);  // pairs with the fence in write_answer()
  if (number(__ATOMIC_RELAXED) != request || copy.frame_count > copy.frames.size()) return std::nullopt;
  return copy;
}

std::vector<AskedThread> ask_for_stacks(pid_t process, std::uint32_t& last_request, const os::Deadline& deadline,
                                        FunctionRef<std::optional<CrashArea>(std::uint32_t)> look) {
  std::vector<AskedThread> all;
  const std::vector<os::ThreadState> threads = os::threads_of(process);
  for (const os::ThreadState& each : threads) {
    AskedThread asked;
    asked.thread = thread_without_stack(each);
    if (const char* const why_not = why_not_asked(each.state)) {
      asked.thread.note = why_not;
    } else if (!os::has_handler(process, stack_signal())) {
      // The signal would end a process without a handler.
      asked.thread.note = "its process has no handler for such requests, as with WorkerOptions::report_crashes off";
    } else {
      if (++last_request == 0) ++last_request;  // 0 is no request
      if (os::queue_signal_for_thread(process, each.id, stack_signal(), static_cast<int>(last_request)))
        asked.answer =
            await_answer(last_request, os::Deadline(deadline.remaining() / (threads.size() - all.size())), look);
      if (!asked.answer) asked.thread.note = "it has not answered in time, or has ended";
    }
    all.push_back(std::move(asked));
  }
  return all;
}

}  // namespace coproc::inline v0::process
