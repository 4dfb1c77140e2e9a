// Promise 15, by every start method: output, exit handlers, signals.
#include <fcntl.h>

#include <iostream>

#include "conformance/player.hpp"
#include "support/process.hpp"

using coproc::StartMethod;
using parts::Player;
using support::in_host;
using support::Pipe;

namespace {

class EndsAndSignals : public parts::ByEveryMethod {};
INSTANTIATE_TEST_SUITE_P(By, EndsAndSignals, parts::every_method(), parts::name_of_method);

TEST_P(EndsAndSignals, promise_15_nothing_is_printed_twice_or_lost) {
  for (const char* way : {"returns", "exit", "pthread_exit"}) {
    const Pipe out;
    EXPECT_EQ(in_host([&] {
                ::dup2(out.write_fd(), 1);
                std::setvbuf(stdout, nullptr, _IOFBF, 4096);
                std::printf("host ");
                std::cout << "before ";
                Player worker(GetParam());
                worker.start(way);
                worker->join();
                std::cout << "host after;" << std::flush;
                return "";
              }),
              "");
    EXPECT_EQ(out.read_text(';'), "host before printf cout host after") << way;
  }
}

TEST_P(EndsAndSignals, promise_15_every_way_to_end_and_only_an_executables_own_exit_handlers) {
  const std::tuple<const char*, const char*, bool> ways[] = {{"returns", "exited with code 0", true},
                                                             {"exit", "exited with code 5", true},
                                                             {"_exit", "exited with code 6", false},
                                                             {"quick_exit", "exited with code 7", false},
                                                             {"pthread_exit", "exited with code 1", false}};
  for (const auto& [way, end, has_handlers] : ways) {
    Pipe witness;
    Player worker(GetParam(), witness.write_fd(), {.stdout_ = coproc::DevNull{}});
    worker.start(way);
    EXPECT_EQ(worker->join().describe(), end) << way;
    witness.close_write_end();
    EXPECT_EQ(witness.read_text(), GetParam() == StartMethod::executable && has_handlers ? "dh" : "") << way;
  }
}

TEST_P(EndsAndSignals, promise_15_dispositions_and_mask_are_as_new_whatever_the_host_has) {
  constexpr int kSignals[] = {SIGHUP,  SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGCHLD,
                              SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH};
  for (const auto disposition : {SIG_IGN, SIG_DFL}) {
    EXPECT_EQ(in_host([&] {
                for (const int number : kSignals) ::signal(number, disposition);
                ::signal(SIGINT, disposition);
                sigset_t all;
                sigfillset(&all);
                ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
                Player worker(GetParam());
                worker.start("answers");
                std::string text;
                for (const int number : kSignals) {
                  const std::string told = worker.ask("signal " + std::to_string(number));
                  if (told != "default") text += std::to_string(number) + ": " + told + "; ";
                }
                for (const int number : {SIGINT, SIGCONT}) text += worker.ask("signal " + std::to_string(number)) + " ";
                text += worker.ask("raise " + std::to_string(SIGINT));
                // A child of the worker must die of it.
                text += worker.ask("popen kill -INT $$; echo survived") + " ";
                const auto status = worker->stop();
                sigset_t mask;
                ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                if (sigismember(&mask, SIGUSR1) != 1) text += "the host's mask has changed";
                // Where SIGCHLD is ignored, older kernels do not tell more.
                return status.signalled() ? text + status.describe() : text;
              }),
              "handled handled alive(2) ");
  }
}

TEST_P(EndsAndSignals, promise_15_a_host_that_handles_signals) {
  EXPECT_EQ(in_host([&] {
              for (const int number : {SIGUSR1, SIGINT, SIGCHLD}) ::signal(number, [](int) {});
              Player worker(GetParam());
              worker.start("answers");
              const std::string text =
                  worker.ask("signal " + std::to_string(SIGUSR1)) + worker.ask("signal " + std::to_string(SIGCHLD));
              worker->stop();
              return text;
            }),
            "defaultdefault");
}

}  // namespace
