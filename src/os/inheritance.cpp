#include "os/inheritance.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string_view>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/namespaces.hpp"

namespace coproc::inline v0::os {

namespace {

/// Used if there is no /proc.
std::string rights_by_calls() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  (void)call_once([&] { return ::syscall(SYS_capget, &header, sets); });
  std::string rights;
  for (const auto& set : sets) {
    for (const auto half : {set.effective, set.permitted, set.inheritable}) rights += std::to_string(half) + ' ';
  }
  for (const int option : {PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP}) {
    rights += std::to_string(::prctl(option, 0, 0, 0, 0)) + ' ';
  }
  return rights;
}

/// struct sched_attr: only some versions of the C library's header have it.
struct Scheduling {
  std::uint32_t size, policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};

std::array<std::int64_t, 3> scheduling() noexcept {
  Scheduling now{};
  (void)call_once([&] { return ::syscall(SYS_sched_getattr, 0, &now, sizeof now, 0); });
  return {now.policy, now.priority, now.nice};
}

std::string rights() {
  const auto status = read_text("/proc/thread-self/status");
  if (!status) return rights_by_calls();
  std::string rights;
  for (std::string_view rest = *status; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    for (const char* name : {"Cap", "NoNewPrivs:", "Seccomp", "Umask:"}) {
      if (line.starts_with(name)) rights.append(line) += ' ';
    }
  }
  rights += read_text("/proc/self/oom_score_adj").value_or("") + namespaces();
  static std::atomic<bool> has_labels{true};  // relaxed: only spares a look
  if (has_labels.load(std::memory_order_relaxed)) {
    const auto label = read_text("/proc/thread-self/attr/current");
    if (!label) has_labels.store(false, std::memory_order_relaxed);
    rights += label.value_or("");
  }
  return rights;
}

}  // namespace

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
  state.root = id_of_path("/");
  state.scheduling = os::scheduling();
  state.rights = os::rights();
  return state;
}

}  // namespace coproc::inline v0::os
