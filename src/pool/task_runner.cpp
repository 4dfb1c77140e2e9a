#include "pool/task_runner.hpp"

#include <cxxabi.h>
#include <signal.h>

#include <atomic>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coproc/detail/message_access.hpp"
#include "coproc/detail/pool_worker.hpp"
#include "coproc/errors.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "messenger/error_table.hpp"
#include "os/clock.hpp"
#include "os/processors.hpp"
#include "os/signal_timer.hpp"
#include "os/signals.hpp"
#include "pool/protocol.hpp"
#include "process/crash_handler.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::pool {

using detail::Buffer;
using detail::KnownFunction;
using detail::MessageAccess;
using detail::MessengerAccess;
using detail::TaskCode;
using detail::TaskRun;

namespace {

/// The interval at which a worker that runs many tasks of one message checks if some are to be skipped.
constexpr std::int64_t kLookEvery = 1'000'000;  // ns

/// The serial of the task that this process runs, from before its call until before its result is sent: so the signal
/// for a cancelled task can hit no other. It is 0 if none runs, and kEnding once the process is about to be killed.
std::atomic<std::uint64_t> running_serial{0};
constexpr std::uint64_t kEnding = std::numeric_limits<std::uint64_t>::max();
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);  // used in a signal handler

// All accesses are relaxed: only the value itself matters, and it orders no other memory.

void on_cancel(int, siginfo_t* info, void*) {
  std::uint64_t wanted = reinterpret_cast<std::uintptr_t>(info->si_value.sival_ptr);
  if (wanted != 0 && running_serial.compare_exchange_strong(wanted, kEnding, std::memory_order_relaxed)) {
    os::kill_this_process();
  }
}

void begin_task(std::uint64_t serial) noexcept { running_serial.store(serial, std::memory_order_relaxed); }

void end_task() noexcept {
  // The handler may run in another thread of the task. If it was first, this thread waits for the end of the process.
  if (running_serial.exchange(0, std::memory_order_relaxed) == kEnding) os::wait_for_signals();
}

}  // namespace

class TaskRunner {
 public:
  /// `code` is for functions that are sent without code.
  TaskRunner(PriorityMessenger& host, const TaskCode& code, void* state, const void* context,
             const detail::AroundWaits* around = nullptr)
      : host_(host),
        core_(*MessengerAccess::core(host)),
        code_(code),
        state_(state),
        context_(context),
        around_(around) {
    os::set_signal_handler(cancel_signal(), &on_cancel);
  }

  /// Call in a worker that has one function, which its host does not send.
  void add_only_function() { functions_[0].code = code_; }

  /// Runs tasks until the host asks the worker to close. Then it throws ResourceRequestedClose.
  void run() {
    const auto put = [](Encoder& encoder) { encode(encoder, ToHost::ready); };
    send(message<MessageFromPoolWorker>(put));
    for (;;) {
      Message next = waiting_.empty() ? receive() : std::move(waiting_.front());
      core_.release_taken();  // if this process dies, the host sees by this which tasks had not begun
      if (!waiting_.empty()) waiting_.pop_front();
      take(next);
    }
  }

 private:
  struct Running : TaskRun {
    TaskRunner& runner;
    std::uint64_t serial;
    std::int64_t begin;
    bool has_limit;
  };

  class Wait {
   public:
    explicit Wait(const detail::AroundWaits* around) : around_(around) {
      if (around_ != nullptr) around_->begin();
    }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait() {
      if (around_ != nullptr) around_->end();
    }

   private:
    const detail::AroundWaits* const around_;
  };

  Message receive() {
    const Wait wait(around_);
    return host_.receive_blocking();
  }

  void send(const detail::Outgoing& out) {
    if (around_ != nullptr && core_.try_send(out, {}, {})) return;
    const Wait wait(around_);
    core_.send(out, kDefaultChannel, kDefaultSendOptions);
  }

  void take(const Message& message) {
    Decoder from(MessageAccess::payload(message), std::numeric_limits<std::size_t>::max());
    from.borrow(MessageAccess::loans(message));
    switch (decode<ToWorker>(from)) {
      case ToWorker::function: {
        const auto number = decode<std::uint32_t>(from);
        const auto run = decode<process::CodeRef>(from);
        const auto function = decode<process::CodeRef>(from);
        KnownFunction& known = functions_[number];
        known.data = decode<std::string>(from);
        known.code = code_;
        if (!run.is_null()) known.code.run = reinterpret_cast<decltype(TaskCode::run)>(process::find_code(run));
        if (!function.is_null()) known.code.function = process::find_code(function);
        break;
      }
      case ToWorker::forget:
        for (const std::uint32_t number : decode<std::vector<std::uint32_t>>(from)) functions_.erase(number);
        break;
      case ToWorker::tasks:
        run_tasks(from);
        break;
      case ToWorker::skip:
        skipped_.push_back(decode<Serials>(from));
        break;
    }
  }

  void run_tasks(Decoder& from) {
    KnownFunction& function = functions_.at(decode<std::uint32_t>(from));
    const auto first = decode<std::uint64_t>(from);
    const auto count = decode<std::uint32_t>(from);
    const std::chrono::nanoseconds limit(decode<std::int64_t>(from));
    looked_ = now_ = os::now_ns();
    for (std::uint64_t serial = first; serial != first + count; ++serial) {
      if (now_ - looked_ > kLookEvery) look_for_skips();
      is_last_ = serial + 1 == first + count;
      if (!run_task(function, from, serial, limit)) return fail_tasks(serial + 1, first + count);
    }
  }

  /// Reads the messages that have arrived, and handles those that ask to skip tasks. The others are kept for later.
  void look_for_skips() {
    while (auto next = host_.receive_for(std::chrono::seconds(0))) {
      Decoder from(MessageAccess::payload(*next));
      if (decode<ToWorker>(from) == ToWorker::skip) {
        take(*next);
      } else {
        waiting_.push_back(*std::move(next));
      }
    }
    looked_ = now_ = os::now_ns();
  }

  bool is_skipped(std::uint64_t serial) {
    std::erase_if(skipped_, [&](const Serials& range) { return range.last < serial; });
    for (const Serials& range : skipped_) {
      if (range.first <= serial) return true;
    }
    return false;
  }

  /// Runs a task and sends its result. Returns false if its arguments could not be decoded; then the position of those
  /// behind them is unknown.
  bool run_task(KnownFunction& function, Decoder& from, std::uint64_t serial, std::chrono::nanoseconds limit) {
    Running run{{from, state_, function, context_, &TaskRunner::reply},
                *this,
                serial,
                now_,
                limit != std::chrono::nanoseconds::max()};
    run.is_skipped = !skipped_.empty() && is_skipped(serial);
    if (run.has_limit) {
      if (!timer_) {
        process::report_end_by(time_limit_signal());
        timer_.emplace(time_limit_signal());
      }
      timer_->arm(limit);
    }
    begin_task(serial);
    try {
      function.code.run(run);
      if (run.is_skipped) send_result(run, Outcome::skipped, [](Encoder&) {});
    } catch (const abi::__forced_unwind&) {
      throw;  // pthread_exit()
    } catch (const detail::EndOfPoolWorker&) {
      throw;
    } catch (...) {
      if (is_host_gone_) throw;
      reply_error(run);
    }
    return run.is_decoded;
  }

  /// Answers the tasks whose arguments cannot be found with an error.
  void fail_tasks(std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t serial = first; serial != end; ++serial) {
      is_last_ = serial + 1 == end;
      Decoder none({});
      KnownFunction no_function;
      Running run{{none, nullptr, no_function, nullptr, nullptr}, *this, serial, now_, false};
      try {
        throw DecodeError("the arguments of a task that was sent together with this one could not be decoded");
      } catch (...) {
        reply_error(run);
      }
    }
  }

  static void reply(TaskRun& run, const detail::Outgoing& result) {
    auto& running = static_cast<Running&>(run);
    running.runner.send_result(running, Outcome::value,
                               [&](Encoder& encoder) { result.traits->encode(encoder, result.value); });
  }

  void reply_error(Running& run) {
    Buffer payload;
    const std::size_t limit = core_.options().link.max_message_bytes / 2;
    detail::encode_exception_of("the task", payload, limit);
    send_result(run, Outcome::error,
                [&](Encoder& encoder) { encoder.bytes(payload.span().data(), payload.span().size()); });
  }

  template <class Put>
  void send_result(Running& run, Outcome outcome, const Put& put) {
    if (run.has_limit) timer_->disarm();
    end_task();
    now_ = os::now_ns();
    const auto work = static_cast<std::uint64_t>(now_ - run.begin);
    const auto whole = [&](Encoder& encoder) {
      encode(encoder, ToHost::result);
      encode(encoder, ResultHead{run.serial, work, outcome});
      put(encoder);
    };
    const bool is_quiet = !is_last_ && now_ - woke_host_at_ < kQuietFor;
    if (!is_quiet) woke_host_at_ = now_;
    core_.publish_quietly(is_quiet);
    const std::uint64_t waits = core_.waits_for_room();
    try {
      send(message<MessageFromPoolWorker>(whole));
    } catch (const HostDiedError&) {
      is_host_gone_ = true;  // run_task() must not take it for an error of the task
      throw;
    }
    if (core_.waits_for_room() != waits) now_ = os::now_ns();  // the time of the next task begins after the wait
  }

  PriorityMessenger& host_;
  detail::Core& core_;
  const TaskCode code_;
  void* const state_;
  const void* const context_;
  const detail::AroundWaits* const around_;                     // may be null
  std::unordered_map<std::uint32_t, KnownFunction> functions_;  // by their numbers
  std::vector<Serials> skipped_;
  std::deque<Message> waiting_;
  std::optional<os::SignalTimer> timer_;
  std::int64_t looked_ = 0;
  std::int64_t now_ = 0;           // when the latest call ended; the next one begins then
  std::int64_t woke_host_at_ = 0;  // when the last result was published with a wake-up
  bool is_last_ = true;            // the running task is the last one of its message
  bool is_host_gone_ = false;
};

namespace {

/// Makes the state of the worker by the init function, and destroys it by the exit function when the worker ends.
class State {
 public:
  explicit State(const WorkerSetup& setup) : setup_(setup) {
    if (setup.make_state.is_null()) return;
    const auto make = reinterpret_cast<decltype(detail::StateCode::make)>(process::find_code(setup.make_state));
    unmake_ = reinterpret_cast<decltype(detail::StateCode::unmake)>(process::find_code(setup.unmake_state));
    Decoder init(std::as_bytes(std::span(setup.init)), std::numeric_limits<std::size_t>::max());
    state_ = make(init, find(setup.init_function));
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() noexcept(false) {
    if (unmake_ == nullptr) return;
    Decoder exit(std::as_bytes(std::span(setup_.exit)), std::numeric_limits<std::size_t>::max());
    try {
      unmake_(state_, exit, find(setup_.exit_function));
    } catch (...) {
      if (std::uncaught_exceptions() == 0)
        throw;  // otherwise the host is told about the exception that ends the worker
    }
  }
  void* get() const noexcept { return state_; }

 private:
  static process::Function find(const process::CodeRef& name) {
    return name.is_null() ? nullptr : process::find_code(name);
  }

  const WorkerSetup& setup_;
  decltype(detail::StateCode::unmake) unmake_ = nullptr;
  void* state_ = nullptr;
};

void pin_to(int processor) {
  if (processor >= 0) os::pin_to(processor);
}

}  // namespace

process::CodeRef name_function(process::Function function, const char* role) {
  try {
    return function == nullptr ? process::CodeRef() : process::name_code(function);
  } catch (const process::StartReport& report) {
    throw InvalidArgumentError(std::string("this function cannot be a pool's ") + role + ": " + report.text);
  }
}

void run_pool_worker(PriorityMessenger& host, const WorkerSetup& setup) {
  pin_to(setup.processor);
  const State state(setup);
  TaskRunner(host, {}, state.get(), nullptr).run();
}

void ForkedPoolWorker::operator()(PriorityMessenger& host) const {
  pin_to(processor);
  TaskRunner runner(host, code, nullptr, context);
  runner.add_only_function();
  runner.run();
}

}  // namespace coproc::inline v0::pool

namespace coproc::inline v0::detail {

void run_pool_tasks(PriorityMessenger& host, const TaskCode& code, const AroundWaits& around) {
  pool::TaskRunner(host, code, nullptr, nullptr, &around).run();
}

}  // namespace coproc::inline v0::detail
