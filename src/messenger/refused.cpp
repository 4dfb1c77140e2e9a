#include "messenger/refused.hpp"

#include <cerrno>

#include "coproc/errors.hpp"
#include "os/memory.hpp"

namespace coproc::inline v0::detail {

namespace {

std::string_view remedy(int error_number) {
  // If all memory is locked, then RLIMIT_MEMLOCK limits every allocation, by malloc, too.
  if ((error_number == ENOMEM || error_number == EAGAIN) && os::is_bounded_by_locked_memory()) {
    return "raise the limit of locked memory (RLIMIT_MEMLOCK, ulimit -l), since this process has locked all of its "
           "memory (mlockall), or send less at a time";
  }
  switch (error_number) {
    case EMFILE:
    case ENFILE:
      return "close what is not needed any more, or raise the limit of open descriptors (RLIMIT_NOFILE, ulimit -n)";
    case ENOMEM:
      return "free memory, send less at a time, or raise the limits of memory and address space (RLIMIT_AS, ulimit -v; "
             "a memory control group)";
    case EAGAIN:
      return "free memory, or raise the limit of locked memory (RLIMIT_MEMLOCK, ulimit -l)";
    case EFBIG:
      return "raise the limit of file sizes (RLIMIT_FSIZE, ulimit -f)";
    case EBADF:
      return "close no descriptors that this program has not opened";
    default:
      return "try again";
  }
}

}  // namespace

void throw_refused(const std::string& what, int error_number, std::string_view call) {
  throw SystemLimitError(what + ": " + std::string(call) + "; nothing was lost: " + std::string(remedy(error_number)),
                         error_number);
}

}  // namespace coproc::inline v0::detail
