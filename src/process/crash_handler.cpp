#include "process/crash_handler.hpp"

#include <unistd.h>

#include "os/crash_signals.hpp"
#include "process/stack_answers.hpp"
#include "process/stack_writer.hpp"

namespace coproc::inline v0::process {

namespace {

constexpr unsigned kSecondsToReport = 2;

/// The thread and the signal of the first crash. Claimed once, by one compare-exchange.
struct Crash {
  pid_t thread = 0;
  int signal = 0;
};
static_assert(std::atomic<Crash>::is_always_lock_free);

struct Reporter {
  StackWriter writer;  // constant while the handlers are set, but for what it writes
  std::atomic<Crash> first{};
  std::atomic<bool> has_given_up{false};
};
constinit Reporter reporter;

void write_report(int signal, const siginfo_t& info, const void* context) noexcept {
  CrashArea& area = reporter.writer.area();
  area.signal = signal;
  area.code = info.si_code;
  area.fault_address = info.si_code > 0 ? reinterpret_cast<std::uintptr_t>(info.si_addr) : 0;
  if (signal == SIGSYS) {
    area.refused_call = info.si_syscall;
    area.arguments = os::call_arguments(context);
  }
  reporter.writer.write(context);
}

void complete_report() noexcept {
  std::atomic_ref(reporter.writer.area().state)
      .store(kCrashComplete, std::memory_order_release);  // pairs with read_crash_report
}

/// Ends the process, with as much of the report as there is.
[[noreturn]] void give_up() noexcept {
  // relaxed, as for `first`: they decide which thread goes on, and publish nothing
  const Crash first = reporter.first.load(std::memory_order_relaxed);
  if (!reporter.has_given_up.exchange(true, std::memory_order_relaxed)) complete_report();
  os::end_by_signal(first.signal);
}

void on_alarm(int, siginfo_t*, void*) { give_up(); }

void on_crash(int signal, siginfo_t* info, void* context) {
  // A process that the worker forked may not even have the area.
  if (::getpid() != reporter.writer.process()) return os::raise_on_return(signal, *info);
  if (info->si_code > 0) break_off_answer_of_this_thread();

  Crash first;
  const Crash own{::gettid(), signal};
  if (!reporter.first.compare_exchange_strong(first, own, std::memory_order_relaxed)) {
    // Another thread is writing the report, and ends the process when it has finished. If it is this thread, writing
    // has crashed.
    for (unsigned i = 0; first.thread != own.thread && i <= kSecondsToReport; ++i) {
      os::sleep_once(std::chrono::seconds(1));
    }
    give_up();
  }
  // The unwinder may crash on a stack that makes no sense. Handlers that others have installed must not see that crash.
  os::handle_all_crashes(&on_crash);
  os::set_alarm(kSecondsToReport, &on_alarm);
  end_stack_answers();
  write_report(signal, *info, context);
  complete_report();
  os::raise_on_return(signal, *info);
}

}  // namespace

void leave_out_frames_from(const void* frame) noexcept {
  reporter.writer.leave_out_frames_from(reinterpret_cast<std::uintptr_t>(frame));  // NOLINT: only compared
}

void report_crashes_into(std::span<std::byte, kCrashReportBytes> area) {
  StackWriter::load_unwinder();
  os::use_signal_stack();
  reporter.writer.use(*reinterpret_cast<CrashArea*>(area.data()));  // NOLINT: trivial, and zeroed by who made the area
  for (const int signal : os::kCrashSignals) os::handle_unless_handled(signal, &on_crash);
  for (const int signal : os::kRefusalSignals) os::handle_unless_handled(signal, &on_crash);
  answer_stack_requests(reporter.writer);
}

void report_end_by(int signal) {
  if (reporter.writer.process() == ::getpid()) os::handle_unless_handled(signal, &on_crash);
}

}  // namespace coproc::inline v0::process
