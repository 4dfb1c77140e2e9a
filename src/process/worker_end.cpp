#include "process/worker_end.hpp"

#include <cxxabi.h>
#include <stdlib.h>
#include <unistd.h>

#include <exception>

#include "os/pending_output.hpp"
#include "os/process_state.hpp"
#include "process/standard_streams.hpp"
#include "step/step.hpp"

// If the program has these, they write what would otherwise be written by exit handlers that were registered before
// the worker began. They are in the program's own module, and not found from a shared library of coproc.
extern "C" {
__attribute__((weak)) void __gcov_dump();
__attribute__((weak)) void __gcov_reset();
__attribute__((weak)) void __gcov_exit();
__attribute__((weak)) int __llvm_profile_write_file();
__attribute__((weak)) void __llvm_profile_initialize_file();
__attribute__((weak)) void __llvm_profile_reset_counters();
__attribute__((weak)) void __lsan_do_leak_check();
// Provided by the C library, for compilers.
void __cxa_finalize(void* module);
int __cxa_atexit(void (*handler)(void*), void* argument, void* module);
int __cxa_thread_atexit_impl(void (*destructor)(void*), void* object, void* module);
extern __attribute__((visibility("hidden"))) void* __dso_handle;
}

namespace coproc::inline v0::process {

namespace {

/// If there was more than one thread when the worker was forked, the stacks of the others are not searched for
/// pointers, and what only they pointed to would be taken for leaks.
bool may_look_for_leaks = true;

bool has_begun = false;
bool is_ending = false;  // by exit_worker()
int code_at_end = 0;     // the code that exit_worker() was given

void write_reports() noexcept {
  if (__gcov_dump != nullptr) {
    __gcov_dump();
  } else if (__gcov_exit != nullptr) {
    __gcov_exit();
  }
  if (__llvm_profile_write_file != nullptr) {
    if (__llvm_profile_initialize_file != nullptr)
      __llvm_profile_initialize_file();  // the name of its file may contain this pid
    (void)__llvm_profile_write_file();
  }
  if (__lsan_do_leak_check != nullptr && may_look_for_leaks)
    __lsan_do_leak_check();  // ends the process if it finds leaks
}

/// Drops what had been counted before the worker began: that is its host's.
void reset_counters() noexcept {
  if (__gcov_reset != nullptr) __gcov_reset();
  if (__llvm_profile_reset_counters != nullptr) __llvm_profile_reset_counters();
}

/// Runs after everything that exit() calls for the worker, and before what it would call for its host.
[[noreturn]] void finish(int code) noexcept {
  step("end: before the streams are flushed");
  flush_standard_streams();
  os::write_pending_output();
  write_reports();
  step("end: before _exit");
  ::_exit(code);
}

}  // namespace

bool looks_for_leaks() noexcept { return __lsan_do_leak_check != nullptr; }

void forgo_leak_check() noexcept { may_look_for_leaks = false; }

void begin_worker(bool had_threads) {
  has_begun = true;
  may_look_for_leaks = !had_threads;
  os::forget_pending_output();
  reset_counters();
  // Handlers run last in, first out: these run before all that had been registered. on_exit() is given the code if
  // the target calls exit(); __cxa_finalize(), as it is used here, skips it.
  (void)__cxa_atexit([](void*) { finish(code_at_end); }, nullptr, nullptr);
  (void)::on_exit([](int status, void*) { finish(status); }, nullptr);
  // exit() begins with the thread's own objects. At this point those of the worker are destroyed, and those that its
  // host had made in this thread would be next.
  (void)__cxa_thread_atexit_impl(
      [](void*) {
        if (is_ending) __cxa_finalize(nullptr);
      },
      nullptr, &__dso_handle);
}

void exit_worker(int code) noexcept {
  if (!has_begun) end_worker(code);
  is_ending = true;
  code_at_end = code;
  ::exit(code);
}

void end_worker(int code) noexcept {
  step("end: before the streams are flushed");
  flush_standard_streams();
  step("end: before _exit");
  ::_exit(code);
}

}  // namespace coproc::inline v0::process
