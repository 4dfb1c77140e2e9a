#include "coproc/exit_status.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>
#include <chrono>
#include <cstring>

using namespace coproc;

namespace {

ExitStatus status_of(decltype(ExitStatus::end) end, StopRung stopped_by = StopRung::none) {
  ExitStatus status;
  status.end = std::move(end);
  status.stopped_by = stopped_by;
  return status;
}

TEST(ExitStatus, DescribesExits) {
  EXPECT_EQ(status_of(Exited{0}).describe(), "exited with code 0");
  EXPECT_EQ(status_of(Exited{0}, StopRung::close_request).describe(), "exited with code 0");
  ExitStatus failed = status_of(Exited{1});
  failed.exception_text = "std::runtime_error: no such index";
  EXPECT_EQ(failed.describe(), "exited with code 1 after std::runtime_error: no such index");
}

TEST(ExitStatus, DescribesSignals) {
  EXPECT_EQ(status_of(Signalled{SIGSEGV, true}).describe(), "was killed by SIGSEGV (core dumped)");
  EXPECT_EQ(status_of(Signalled{SIGTERM}).describe(), "was killed by SIGTERM");
  EXPECT_EQ(status_of(Signalled{SIGTERM}, StopRung::terminate).describe(),
            "was killed by SIGTERM, which coproc sent to stop it");
  EXPECT_EQ(status_of(Signalled{SIGKILL}, StopRung::kill).describe(),
            "was killed by SIGKILL, which coproc sent to stop it");
  EXPECT_EQ(status_of(Signalled{SIGKILL}).describe(),
            "was killed by SIGKILL, which coproc did not send (perhaps the out-of-memory killer)");
  EXPECT_EQ(status_of(Signalled{SIGRTMIN + 1}).describe(), "was killed by SIGRTMIN+1");
}

TEST(ExitStatus, DescribesHangs) {
  ExitStatus status = status_of(Signalled{SIGKILL}, StopRung::kill);
  status.hung = Hang{Hang::Why::reply, std::chrono::seconds(30), "blocked in futex", {}};
  EXPECT_EQ(status.describe(),
            "was killed by SIGKILL since a request had been in hand for 30.0 s; it was blocked in futex");
  status.stack = {"#0 libc.so.6+0x86129", "#1 __lll_lock_wait + 0x30 (libc.so.6+0x85f30)",
                  "#2 int coproc::v0::Messenger::receive_blocking<int>() + 0x30 (indexer+0x85f30)",
                  "#3 wait_for_lock(coproc::v0::Messenger&) + 0x1b (indexer+0x1639b)",
                  "#4 main + 0x40 (indexer+0x5120)"};
  EXPECT_EQ(status.describe(),
            "was killed by SIGKILL since a request had been in hand for 30.0 s; it was blocked in futex, in "
            "wait_for_lock(coproc::v0::Messenger&) + 0x1b (indexer+0x1639b)");
  status.stack.resize(2);
  status.hung = Hang{Hang::Why::unread, std::chrono::milliseconds(200), {}, {}};
  EXPECT_EQ(status.describe(),
            "was killed by SIGKILL since it had not read what was there for it for 0.200 s; it was in "
            "libc.so.6+0x86129");
  status = status_of(Exited{0}, StopRung::terminate);
  status.hung = Hang{Hang::Why::beat, std::chrono::seconds(2), "running", "chunk \x1b[31m17"};
  EXPECT_EQ(status.describe(),
            "exited with code 0; coproc ended it since it had not called beat() for 2.0 s, its last beat being "
            "\"chunk \\x1b[31m17\"; it was running");
}

TEST(ExitStatus, ReportsOneLineWhereNothingElseIsKnown) {
  EXPECT_EQ(status_of(Exited{3}).report(), "exited with code 3");
}

TEST(ExitStatus, ReportsAllThatIsKnown) {
  ExitStatus status = status_of(Signalled{SIGSEGV});
  status.resources = {std::chrono::microseconds(1'500'000), std::chrono::microseconds(20'000), 4711};
  status.unanswered = {RequestId{4}, RequestId{9}};
  status.stack = {"crash() at crash.cpp:3", "main() at main.cpp:7"};
  status.stderr_tail = "first\n\nlast";
  EXPECT_EQ(status.report(),
            "was killed by SIGSEGV\n"
            "  processor time: 1.500 s user, 0.020 s system; peak memory: 4711 KiB\n"
            "  unanswered requests: 2 (4, 9)\n"
            "  stack:\n"
            "    crash() at crash.cpp:3\n"
            "    main() at main.cpp:7\n"
            "  the last that it printed to stderr:\n"
            "    first\n"
            "    \n"
            "    last");
  for (std::uint64_t id = 10; id < 100; ++id) status.unanswered.push_back(RequestId{id});
  EXPECT_NE(status.report().find("unanswered requests: 92 (4, 9, 10, 11, 12, 13, 14, 15, 16, 17, ...)\n"),
            std::string::npos);
}

TEST(ExitStatus, DescribesTheRest) {
  EXPECT_NE(status_of(UnknownEnd{}).describe().find("not known"), std::string::npos);
  EXPECT_NE(status_of(NotYetEnded{}).describe().find("has not ended"), std::string::npos);
}

TEST(ExitStatus, SaysWhatLimitsAndFiltersSendSignalsFor) {
  ExitStatus limited = status_of(Signalled{SIGKILL});
  limited.limit = "RLIMIT_CPU";
  EXPECT_NE(limited.describe().find("reached the limit (RLIMIT_CPU)"), std::string::npos) << limited.describe();
  EXPECT_EQ(limited.describe().find("out-of-memory"), std::string::npos);
  limited.limit = "memory.max";
  EXPECT_NE(limited.describe().find("more memory than their control group may have"), std::string::npos);
  limited.limit = "memory";
  EXPECT_NE(limited.describe().find("it seems the out-of-memory killer"), std::string::npos) << limited.describe();
  EXPECT_NE(status_of(Signalled{SIGXCPU}).describe().find("RLIMIT_CPU"), std::string::npos);
  EXPECT_NE(status_of(Signalled{SIGXFSZ}).describe().find("RLIMIT_FSIZE"), std::string::npos);
  EXPECT_NE(status_of(Signalled{SIGSYS}).describe().find("seccomp"), std::string::npos);
  EXPECT_NE(status_of(Signalled{SIGPIPE}).describe().find("pipe"), std::string::npos);
  EXPECT_NE(status_of(NotYetEnded{.refused = true}).describe().find("does not let this process signal it"),
            std::string::npos);
}

TEST(ExitStatus, WhatTheWorkerSaysCannotPassForWhatIsSaidOfIt) {
  ExitStatus status = status_of(Exited{1});
  status.exception_text = "std::runtime_error: disk full\n  stack:\n    #0 host_main\x1b]0;title\x07";
  status.stderr_tail = "harmless\r  stack:\x1b[1A\xff\n#0 host_main\n";
  status.stack = {"#0 f\n  unanswered requests: 3"};
  EXPECT_EQ(status.report(),
            "exited with code 1 after std::runtime_error: disk full\n"
            "        stack:\n"
            "          #0 host_main\\x1b]0;title\\x07\n"
            "  stack:\n"
            "    #0 f\\n  unanswered requests: 3\n"
            "  the last that it printed to stderr:\n"
            "    harmless\\r  stack:\\x1b[1A\\xff\n"
            "    #0 host_main");
}

}  // namespace
