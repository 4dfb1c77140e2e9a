#include "os/inheritance.hpp"

#include <unistd.h>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

Inheritance Inheritance::now() {
  Inheritance state;
  ::getresuid(&state.users[0], &state.users[1], &state.users[2]);
  ::getresgid(&state.groups[0], &state.groups[1], &state.groups[2]);
  state.process_group = ::getpgrp();
  state.session = ::getsid(0);
  const int count = call_once([] { return ::getgroups(0, nullptr); });
  if (count < 0) throw_errno("getgroups", 0);
  state.other_groups.resize(static_cast<std::size_t>(count));
  if (count > 0 && ::getgroups(count, state.other_groups.data()) != count) throw_errno("getgroups", count);
  for (std::size_t i = 0; i < state.limits.size(); ++i) {
    rlimit limit{};
    (void)::getrlimit(static_cast<__rlimit_resource>(i), &limit);  // cannot fail for those that there are
    state.limits[i] = {limit.rlim_cur, limit.rlim_max};
  }
  return state;
}

}  // namespace coproc::inline v0::os
