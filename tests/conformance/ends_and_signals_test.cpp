// Promise 15, in every way to start a worker: output, exit handlers, signals.
#include <fcntl.h>

#include <algorithm>
#include <iostream>

#include "conformance/player.hpp"
#include "support/process.hpp"

using coproc::StartMethod;
using parts::Player;
using support::in_host;
using support::Pipe;

namespace {

class EndsAndSignals : public parts::ByEveryWay {};
INSTANTIATE_TEST_SUITE_P(By, EndsAndSignals, parts::every_way(), parts::name_of_way);

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

TEST_P(EndsAndSignals, promise_15_dispositions_and_mask_are_as_new_but_for_what_the_host_ignores) {
  constexpr int kSignals[] = {SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH};
  for (const auto disposition : {SIG_IGN, SIG_DFL}) {
    const bool ignores = disposition == SIG_IGN;
    EXPECT_EQ(in_host([&] {
                for (const int number : kSignals) ::signal(number, disposition);
                for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) ::signal(number, disposition);
                sigset_t all;
                sigfillset(&all);
                ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
                Player worker(GetParam());
                worker.start("answers");
                std::string text;
                for (const int number : kSignals) {
                  const std::string told = worker.ask("signal " + std::to_string(number));
                  if (told != (ignores ? "ignored" : "default")) text += std::to_string(number) + ": " + told + "; ";
                }
                for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCONT, SIGCHLD}) {
                  text += worker.ask("signal " + std::to_string(number)) + " ";
                }
                text += worker.ask("raise " + std::to_string(SIGINT));
                // A child of the worker must die of what is not ignored.
                text += worker.ask("popen kill -INT $$; echo survived") + " ";
                const auto status = worker->stop();
                sigset_t mask;
                ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                if (sigismember(&mask, SIGUSR1) != 1) text += "the host's mask has changed";
                // Where SIGCHLD is ignored, older kernels do not tell more.
                return status.signalled() ? text + status.describe() : text;
              }),
              ignores ? "ignored ignored ignored ignored handled default alivesurvived\n(0) "
                      : "handled handled handled handled handled default alive(2) ");
  }
}

TEST_P(EndsAndSignals, promise_15_a_signal_that_the_host_ignored_once_has_its_default) {
  EXPECT_EQ(in_host([] {
              ::signal(SIGUSR1, SIG_IGN);
              Player first(GetParam());
              first.start("answers");
              std::string text = first.ask("signal " + std::to_string(SIGUSR1));
              ::signal(SIGUSR1, SIG_DFL);
              Player second(GetParam());
              second.start("answers");
              text += ", " + second.ask("signal " + std::to_string(SIGUSR1));
              return first->stop().success() && second->stop().success() ? text : text + ", ended badly";
            }),
            "ignored, default");
}

TEST_P(EndsAndSignals, promise_15_what_a_worker_has_made_and_written_is_finished_and_what_its_host_has_is_not) {
  for (const char* way : {"writes", "writes and exits"}) {
    EXPECT_EQ(in_host([&] {
                Pipe witness;
                // The host's own, which a worker by fork inherits, with output that was not written yet.
                std::FILE* const file = ::fdopen(::dup(witness.write_fd()), "a");
                std::fputs("H", file);
                Player worker(GetParam(), witness.write_fd());
                worker.start(way);
                const auto status = worker->join();
                if (!status.success()) return status.describe();
                std::fputs("I", file);
                std::fclose(file);
                witness.close_write_end();
                std::string text = witness.read_text();
                if (!text.ends_with("HI")) return text;
                std::sort(text.begin(), text.end());
                return text;
              }),
              GetParam() == StartMethod::executable ? "HIadfhost" : "HIafost")
        << way;
  }
}

/// A process that is not the host sends it.
void let_a_stranger_send(int signal, pid_t to) {
  const pid_t stranger = ::fork();
  if (stranger == 0) ::_exit(::kill(to, signal));
  EXPECT_EQ(support::end_of(stranger), "exit 0");
}

TEST_P(EndsAndSignals, promise_15_what_goes_to_a_group_is_for_the_host_to_act_upon) {
  for (const int signal : {SIGTERM, SIGHUP, SIGQUIT}) {
    const auto before =
        ::signal(signal, SIG_DFL);  // what this process ignores (under nohup) a worker would ignore, too
    Player worker(GetParam());
    worker.start("answers");
    let_a_stranger_send(signal, worker->pid());
    EXPECT_EQ(worker.ask("echo x"), "x");
    // What the worker runs is as it would be anywhere.
    EXPECT_EQ(worker.ask("popen ulimit -c 0; kill -" + std::to_string(signal) + " $$; echo survived"),
              "(" + std::to_string(signal) + ")");
    const int sent = GetParam().send_as_host(*worker.operator->(), signal);
    EXPECT_EQ(worker->join().signal(), sent);

    worker.start("answers");  // and what the worker sends itself
    worker.messenger().send_request("raise " + std::to_string(signal));
    EXPECT_EQ(worker->join().signal(), signal);
    ::signal(signal, before);
  }
}

TEST_P(EndsAndSignals, promise_15_a_worker_may_be_made_to_heed_everybody) {
  Player worker(GetParam(), -1, {.heed_signals_of_others = true});
  worker.start("answers");
  let_a_stranger_send(SIGTERM, worker->pid());
  EXPECT_EQ(worker->join().signal(), SIGTERM);
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
