#include "process/crash_handler.hpp"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>
#include <unwind.h>

#include <cstring>

#include "os/crash_signals.hpp"

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
  CrashArea* area = nullptr;  // this and process: constant while the handlers are set
  pid_t process = 0;
  std::uintptr_t end_of_target = 0;  // in the stack of the process's first thread; 0: not known
  std::atomic<Crash> first{};
  std::atomic<bool> has_given_up{false};
  std::size_t paths_used = 0;                           // this and modules: the first thread's
  std::array<const link_map*, kCrashFrames> modules{};  // of the frames written so far
};
constinit Reporter reporter;

/// Returns the place of `module`'s path in the area. Adds the path if it is new and there is space.
std::uint32_t place_path_of(const link_map* module, std::uint32_t frame_count) noexcept {
  CrashArea& area = *reporter.area;
  for (std::uint32_t i = 0; i < frame_count; ++i) {
    if (reporter.modules[i] == module) return area.frames[i].path_at;
  }
  const std::size_t bytes = std::strlen(module->l_name) + 1;
  if (bytes > area.paths.size() - reporter.paths_used) return kNoModule;
  const std::size_t place = reporter.paths_used;
  std::memcpy(area.paths.data() + place, module->l_name, bytes);
  reporter.paths_used += bytes;
  return static_cast<std::uint32_t>(place);
}

/// Returns false if there is no space for another frame.
bool add_frame(std::uintptr_t address) noexcept {
  CrashArea& area = *reporter.area;
  const std::uint32_t count = area.frame_count;
  if (count == kCrashFrames) return false;
  dl_find_object found{};
  CrashFrame frame{address, kNoModule, 0};
  // Unlike dladdr() it takes no lock: glibc makes it for unwinders.
  if (::_dl_find_object(reinterpret_cast<void*>(address), &found) == 0) {  // NOLINT: an address of code
    reporter.modules[count] = found.dlfo_link_map;
    frame.path_at = place_path_of(found.dlfo_link_map, count);
    if (frame.path_at != kNoModule) frame.offset = address - found.dlfo_link_map->l_addr;
  }
  area.frames[count] = frame;
  area.frame_count = count + 1;
  return true;
}

struct Walk {
  std::uintptr_t crash_pc;
  bool is_past_crash;
};

/// Called for each frame, from the handler's own outwards.
_Unwind_Reason_Code on_frame(_Unwind_Context* context, void* argument) {
  Walk& walk = *static_cast<Walk*>(argument);
  int is_interrupted = 0;  // a frame that was interrupted itself, not in a call that it made
  const std::uintptr_t pc = _Unwind_GetIPInfo(context, &is_interrupted);
  if (!walk.is_past_crash) {
    walk.is_past_crash = is_interrupted != 0 && pc == walk.crash_pc;
    return _URC_NO_REASON;
  }
  if (pc == 0) return _URC_END_OF_STACK;
  const bool is_above_target =
      reporter.end_of_target != 0 && ::gettid() == reporter.process && _Unwind_GetCFA(context) > reporter.end_of_target;
  if (is_above_target) return _URC_END_OF_STACK;
  return add_frame(is_interrupted != 0 ? pc : pc - 1) ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/// The innermost frame is written before anything that may fail is tried.
void write_report(int signal, const siginfo_t& info, const void* context) noexcept {
  CrashArea& area = *reporter.area;
  area.signal = signal;
  area.code = info.si_code;
  area.fault_address = info.si_code > 0 ? reinterpret_cast<std::uintptr_t>(info.si_addr) : 0;
  if (signal == SIGSYS) {
    area.refused_call = info.si_syscall;
    area.arguments = os::call_arguments(context);
  }
  const auto at = os::Interrupted::of(context);
  add_frame(at.pc);
  if (reporter.modules[0] != nullptr) {
    Walk walk{at.pc, false};
    _Unwind_Backtrace(&on_frame, &walk);
  } else if (std::uintptr_t caller = 0; os::read_word(at.stack_pointer, caller) && caller != 0) {
    // The crash is the call of an address that is no function. Nothing can unwind from there (libgcc would crash), but
    // on x86-64 the caller's address has just been pushed.
    add_frame(caller - 1);
  }
}

void complete_report() noexcept {
  std::atomic_ref(reporter.area->state)
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
  if (::getpid() != reporter.process) return os::raise_on_return(signal, *info);

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
  write_report(signal, *info, context);
  complete_report();
  os::raise_on_return(signal, *info);
}

}  // namespace

void leave_out_frames_from(const void* frame) noexcept {
  reporter.end_of_target = reinterpret_cast<std::uintptr_t>(frame);  // NOLINT: only compared
}

void load_unwinder() noexcept {
  static const auto walked = _Unwind_Backtrace([](_Unwind_Context*, void*) { return _URC_NO_REASON; }, nullptr);
  (void)walked;
}

void report_crashes_into(std::span<std::byte, kCrashReportBytes> area) {
  load_unwinder();
  os::use_signal_stack();
  reporter.area = reinterpret_cast<CrashArea*>(area.data());  // NOLINT: trivial, and zeroed by who made the area
  reporter.process = ::getpid();
  for (const int signal : os::kCrashSignals) os::handle_unless_handled(signal, &on_crash);
  for (const int signal : os::kRefusalSignals) os::handle_unless_handled(signal, &on_crash);
}

}  // namespace coproc::inline v0::process
