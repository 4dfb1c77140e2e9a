#include "os/pending_output.hpp"

#include <dlfcn.h>
#include <stdio.h>
#include <stdio_ext.h>

namespace coproc::inline v0::os {

namespace {

/// The first of glibc's list of streams; null if it cannot be found (a static program). Looked up by name: a
/// reference would make the linker give the program a copy of its own, which the C library does not keep up to date.
FILE* first_stream() noexcept {
  static FILE** const list = static_cast<FILE**>(::dlsym(RTLD_DEFAULT, "_IO_list_all"));
  return list == nullptr ? nullptr : *list;
}

}  // namespace

void find_streams() noexcept { (void)first_stream(); }

void forget_pending_output() noexcept {
  for (FILE* stream = first_stream(); stream != nullptr; stream = stream->_chain) {
    if (::__fpending(stream) > 0) ::__fpurge(stream);
  }
}

void write_pending_output() noexcept {
  for (FILE* stream = first_stream(); stream != nullptr; stream = stream->_chain) {
    if (::ftrylockfile(stream) != 0) continue;
    if (::__fpending(stream) > 0) (void)::fflush_unlocked(stream);
    ::funlockfile(stream);
  }
}

}  // namespace coproc::inline v0::os
