// The filters are compared with those that libseccomp makes of the same policy: neither of the two was made from the
// other.
#include <gtest/gtest.h>

#if __has_include(<seccomp.h>)
#include <seccomp.h>
#endif
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string>
#include <vector>

#include "coproc/sandbox.hpp"
#include "sandbox/calls.hpp"
#include "sandbox/filter.hpp"
#include "sandbox/run_filter_for_test.hpp"
#include "sandbox/simulated_calls_for_test.hpp"

using namespace coproc::sandbox;
using namespace coproc::sandbox::testing;
using coproc::Sandbox;

namespace {

#if __has_include(<seccomp.h>)

bool holds(const Call& row, const coproc::detail::SandboxParts& parts) {
  using coproc::detail::SandboxKind;
  switch (row.need) {
    case Need::nothing:
      return true;
    case Need::files:
      return parts.kind == SandboxKind::files || parts.kind == SandboxKind::client;
    case Need::programs:
      return !parts.executable.empty();
    case Need::network:
      return parts.kind == SandboxKind::client;
    case Need::never:
      return false;
  }
  return false;
}

/// The filter that allows what the rows allow, and answers everything else by ENOSYS.
std::vector<sock_filter> by_libseccomp(const coproc::detail::SandboxParts& parts) {
  scmp_filter_ctx context = ::seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
  EXPECT_EQ(::seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), 0);
  std::set<int> free;  // libseccomp takes no second rule for these
  for (const Call& row : calls()) {
    if (holds(row, parts) && row.conditions[0].mask == 0) free.insert(row.number);
  }
  for (const int number : free) EXPECT_EQ(::seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0), 0) << number;
  for (const Call& row : calls()) {
    if (!holds(row, parts) || free.contains(row.number)) continue;
    std::vector<scmp_arg_cmp> arguments;
    for (const Condition& each : row.conditions) {
      if (each.mask == 0) continue;
      const std::uint64_t value = each.is_own_process ? kOwnProcess : each.value;
      arguments.push_back({each.argument, SCMP_CMP_MASKED_EQ, each.mask, value});
    }
    EXPECT_EQ(::seccomp_rule_add_array(context, SCMP_ACT_ALLOW, row.number, static_cast<unsigned>(arguments.size()),
                                       arguments.data()),
              0)
        << row.name;
  }
  const int file = ::memfd_create("filter", 0);
  EXPECT_EQ(::seccomp_export_bpf(context, file), 0);
  ::seccomp_release(context);
  std::vector<sock_filter> program(static_cast<std::size_t>(::lseek(file, 0, SEEK_END)) / sizeof(sock_filter));
  EXPECT_EQ(::pread(file, program.data(), program.size() * sizeof(sock_filter), 0),
            static_cast<ssize_t>(program.size() * sizeof(sock_filter)));
  ::close(file);
  return program;
}

TEST(BoxedFilters, AllowWhatLibseccompsFiltersAllow) {
  const auto simulated = simulated_calls();
  for (const Sandbox& sandbox :
       {Sandbox::compute(), Sandbox::files(), Sandbox::client(), Sandbox::files().execute("/bin")}) {
    const auto own = make_filter(sandbox.parts(), kOwnProcess), theirs = by_libseccomp(sandbox.parts());
    ASSERT_GT(theirs.size(), 100U);
    std::size_t allowed = 0;
    for (const seccomp_data& call : simulated) {
      if (call.nr < 0) continue;  // libseccomp leaves -1, which only a tracer makes, to the default
      const bool is_allowed = run_filter(own, call) == SECCOMP_RET_ALLOW;
      ASSERT_EQ(is_allowed, run_filter(theirs, call) == SECCOMP_RET_ALLOW)
          << name_of_call(call.nr) << "(" << call.args[0] << ", " << call.args[1] << ", " << call.args[2] << ", "
          << call.args[3] << ", " << call.args[4] << ")";
      allowed += is_allowed ? 1 : 0;
    }
    EXPECT_GT(allowed, 300U);
    EXPECT_LT(allowed, simulated.size() - 300);
  }
}

#else

TEST(BoxedFilters, AllowWhatLibseccompsFiltersAllow) { GTEST_SKIP() << "libseccomp-dev is not installed"; }

#endif

}  // namespace
