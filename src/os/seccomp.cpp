#include "os/seccomp.hpp"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

void give_up_new_rights() {
  if (call_once([] { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }) != 0) {
    throw_errno("prctl", "PR_SET_NO_NEW_PRIVS", 1);
  }
}

void filter_system_calls(std::span<const sock_filter> program) {
  const sock_fprog passed{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  if (call_once([&] { return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &passed); }) != 0) {
    throw_errno("seccomp", "SECCOMP_SET_MODE_FILTER", program.size());
  }
}

}  // namespace coproc::inline v0::os
