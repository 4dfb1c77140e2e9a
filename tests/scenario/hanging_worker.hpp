// A worker that hangs when it is told to, and the limits by which that is found.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>
#include <string>
#include <thread>

#include "scenario/hangs.hpp"
#include "scenario/supervised_worker.hpp"

namespace hangs {

/// Answers each text by itself, and hangs at some.
inline void hang(coproc::PriorityMessenger& host) {
  for (;;) {
    const auto how = host.receive_blocking<std::string>();
    if (how == "spin") spin_on();
    if (how == "tell and spin") host.send_norequest(std::string("told")), spin_on();
    if (how == "lock") wait_for_a_lock();
    if (how == "sleep") sleep_on();
    if (how == "read") read_on();
    if (how == "receive") receive_on(host);
    if (how == "pair") {
      auto [here, there] = coproc::PriorityMessenger::new_pair();
      receive_on(here);
    }
    if (how == "stop") ::raise(SIGSTOP);
    if (how == "a while") std::this_thread::sleep_for(std::chrono::milliseconds(600));
    if (how == "deaf") ::signal(SIGTERM, SIG_IGN), spin_on();
    if (how == "polite") ::signal(SIGTERM, [](int) { ::_exit(0); }), spin_on();
    if (how == "beat") {
      for (int i = 1; i <= 17; ++i) coproc::this_worker::beat("chunk " + std::to_string(i));
      spin_on();
    }
    if (how == "much") {
      for (int i = 0; i != 1000; ++i) host.send_norequest(std::string(100, 'x'), "much");
    }
    host.send_reply(how);
  }
}

/// Short limits are for workers that hang, or that must not be taken for hung however short the limits are.
inline coproc::HealthOptions all(std::chrono::nanoseconds time) {
  return {.unread = time, .reply = time, .beat = time};
}

inline coproc::RestartOptions with(const coproc::HealthOptions& health) {
  coproc::RestartOptions options = at_once();
  options.health = health;
  return options;
}

template <class S>
void expect_answer(S& worker, const std::string& text = "well") {
  EXPECT_EQ(worker.messenger().template receive_reply<std::string>(worker.messenger().send_request(text)), text);
}

}  // namespace hangs
