// Each process between a host and a worker on another machine is killed, or stopped: what the host is told, and that
// nothing lives on.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "machines/network.hpp"
#include "support/process.hpp"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

constexpr std::chrono::seconds kSilence{10};

void answer(PriorityMessenger& host) {
  host.send_norequest(static_cast<int>(::getpid()));
  for (;;) host.send_reply(host.receive_blocking<int>() + 1);
}

enum Who { host, near_agent, launcher, network, far_agent, worker, kHowMany };
constexpr const char* kNames[] = {"the host",    "the near agent", "the launcher",
                                  "the network", "the far agent",  "the worker"};

/// A host with one worker there, which asks it something all the time, and says at last what it was told of its end.
class Chain {
 public:
  Chain()
      : host_process_([this] {
          std::string end;
          {
            machines::Network there;
            WorkerResource remote{&answer, {.report_crashes = false, .machine = there.machine(kSilence)}};
            remote.start();
            there.remove_name();
            const pid_t of_worker = remote.messenger().receive_blocking<int>();
            const pid_t near = machines::near_agent();
            const pid_t all[kHowMany] = {::getpid(),      near,        machines::children_of(near).front(),
                                         there.process(), there.far(), of_worker};
            for (const pid_t each : all) numbers_.write(each);
            const coproc::ExitStatus status = machines::receive_until_death(remote, [](auto& messenger) {
              messenger.send_request(1);
              (void)messenger.template receive_blocking<int>();
              ::usleep(10'000);
            });
            end = status.describe();
          }
          (void)!::write(told_.write_fd(), end.c_str(), end.size() + 1);
          support::sleep_for_ever();
        }) {
    for (pid_t& each : processes_) each = numbers_.read<pid_t>();
    told_.close_write_end();
  }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  pid_t pid(Who who) const { return processes_[who]; }
  /// Waits until the host says how the worker ended.
  std::string what_was_told() const { return told_.read_text(); }
  void kill_host() { host_process_.kill(); }
  void expect_gone() const {
    for (int each = near_agent; each < kHowMany; ++each) {
      while (!machines::has_ended(processes_[each])) ::usleep(1000);
    }
  }

 private:
  support::Pipe numbers_, told_;
  support::Host host_process_;
  pid_t processes_[kHowMany] = {};
};

std::vector<std::unique_ptr<Chain>> one_chain_for_each(int signal) {
  std::vector<std::unique_ptr<Chain>> chains;
  for (int who = 0; who < kHowMany; ++who) {
    chains.push_back(std::make_unique<Chain>());
    ::kill(chains.back()->pid(static_cast<Who>(who)), signal);
  }
  return chains;
}

TEST(MachineMatrix, promise_09_WhoeverIsKilledNothingLivesOn) {
  const auto chains = one_chain_for_each(SIGKILL);
  for (int who = 0; who < kHowMany; ++who) {
    SCOPED_TRACE(kNames[who]);
    Chain& chain = *chains[static_cast<std::size_t>(who)];
    if (who == launcher) {  // it only waits, and its end is no loss
      EXPECT_FALSE(machines::has_ended(chain.pid(worker)));
      chain.kill_host();
    }
    if (who != host && who != launcher) {
      const std::string told = chain.what_was_told();
      const char* const words = who == worker ? "was killed by SIGKILL" : "was lost with the connection to its machine";
      EXPECT_NE(told.find(words), std::string::npos) << told;
    }
    chain.expect_gone();
    chain.kill_host();
  }
}

TEST(MachineMatrix, promise_09_WhoeverIsStoppedNothingLivesOn) {
  const auto chains = one_chain_for_each(SIGSTOP);
  for (int who = 0; who < kHowMany; ++who) {
    SCOPED_TRACE(kNames[who]);
    Chain& chain = *chains[static_cast<std::size_t>(who)];
    if (who == near_agent || who == network || who == far_agent) {
      const std::string told = chain.what_was_told();
      EXPECT_NE(told.find("was lost with the connection to its machine"), std::string::npos) << told;
      EXPECT_TRUE(machines::has_ended(chain.pid(worker))) << "the loss was told, and the worker runs: " << told;
      if (who == network) ::kill(chain.pid(network), SIGCONT);  // this one is the test's own
    }
  }
  // Those that are looked at last have been stopped for longer than the silence by now, and are no loss.
  for (const Who who : {host, launcher, worker}) {
    SCOPED_TRACE(kNames[who]);
    Chain& chain = *chains[static_cast<std::size_t>(who)];
    EXPECT_FALSE(machines::has_ended(chain.pid(worker)));
    EXPECT_FALSE(machines::has_ended(chain.pid(near_agent)));
    chain.kill_host();
  }
  for (const auto& chain : chains) {
    chain->expect_gone();
    chain->kill_host();
  }
}

}  // namespace
