// How a process that was executed to become a worker is taken over: before its main, or in init().
#include <dlfcn.h>

#include "coproc/init.hpp"
#include "process/take_over.hpp"
#include "worker/received_run.hpp"

namespace coproc::inline v0 {

namespace detail {
/// Whether a coproc of this process is called before main. If a program and a library that it is linked with both
/// contain coproc, the linker merges their two variables into one, and lets both use the program's functions.
extern COPROC_API bool is_called_before_main;
__attribute__((weak)) bool is_called_before_main = false;
}  // namespace detail

void init(int argc, char**) {
  process::announce_take_over(argc);
  process::take_over(&prepare_named);
}

}  // namespace coproc::inline v0

// glibc calls main through __libc_start_main. A definition in the program, or in a library that it is linked with,
// replaces glibc's. This one is weak, so that a static program, which needs glibc's, is linked with that: such programs
// call coproc::init().
namespace {

using Main = int (*)(int, char**, char**);
Main main_of_program = nullptr;

/// A program's main has the type that it likes, and glibc calls it with all three. Clang's sanitizer of calls does not
/// know that.
#if defined(__clang__)
__attribute__((no_sanitize("function")))
#endif
int main_after_take_over(int argc, char** argv, char** environment) {
  coproc::process::take_over(&coproc::prepare_named);
  return main_of_program(argc, argv, environment);
}

}  // namespace

extern "C" COPROC_API __attribute__((weak)) int __libc_start_main(Main main, int argc, char** argv, void (*init)(),
                                                                  void (*fini)(), void (*rtld_fini)(),
                                                                  void* stack_end) {
  using Start = int (*)(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);
  const auto start = reinterpret_cast<Start>(::dlsym(RTLD_NEXT, "__libc_start_main"));
  if (coproc::detail::is_called_before_main) return start(main, argc, argv, init, fini, rtld_fini, stack_end);
  coproc::detail::is_called_before_main = true;
  main_of_program = main;
  coproc::process::announce_take_over(argc);
  return start(&main_after_take_over, argc, argv, init, fini, rtld_fini, stack_end);
}
