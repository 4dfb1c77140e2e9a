// Starting is made safe: promises 14 and 15. (14 comes with the other start methods.)
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

TEST(Promises, promise_15_signals_output_and_exit_handlers) {
  const std::string out = ::testing::TempDir() + "coproc_promise_15_" + std::to_string(::getpid());
  coproc::WorkerOptions options;
  options.stdout_ = coproc::OutputFile{out};
  ::signal(SIGUSR1, SIG_IGN);
  static bool is_worker = false;
  std::atexit([] {
    if (is_worker) ::_exit(99);  // the host's exit handlers must not run in a worker
  });
  for (const bool calls_exit : {false, true}) {
    std::printf("buffered in the host");  // must be printed once, by the host
    WorkerResource worker{
        [](PriorityMessenger& host, bool exits) {
          is_worker = true;
          struct sigaction usr1 {
          }, interrupt{};
          ::sigaction(SIGUSR1, nullptr, &usr1);
          ::sigaction(SIGINT, nullptr, &interrupt);
          sigset_t mask;
          ::sigprocmask(SIG_SETMASK, nullptr, &mask);
          ::raise(SIGINT);  // Ctrl-C does not kill it
          host.send_norequest(std::array<bool, 3>{usr1.sa_handler == SIG_DFL, interrupt.sa_handler != SIG_IGN,
                                                  ::sigismember(&mask, SIGTERM) == 0});
          std::printf("printf ");
          std::cout << "cout;";
          if (exits) std::exit(5);
        },
        options};
    worker.start(calls_exit);
    EXPECT_EQ((worker.messenger().receive_blocking<std::array<bool, 3>>()), (std::array<bool, 3>{true, true, true}));
    EXPECT_EQ(worker.join().code(), calls_exit ? 5 : 0);
  }
  ::signal(SIGUSR1, SIG_DFL);
  std::string text;
  std::getline(std::ifstream(out), text);
  EXPECT_EQ(text, "printf cout;printf cout;");
  ::unlink(out.c_str());
}
