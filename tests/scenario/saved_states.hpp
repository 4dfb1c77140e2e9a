// What the tests of saved states share: workers that save one, die, or tell it.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <coproc/coproc.hpp>
#include <string>

#include "scenario/lives.hpp"

/// Tells what it was given, for states that are numbers, and lives on.
inline void tell(coproc::PriorityMessenger& host, Shared&) {
  const auto state = coproc::this_worker::restored<int>();
  host.send_norequest(state ? std::to_string(*state) : "nothing");
  (void)host.receive_blocking();
}

inline Lives::Life save_and_die(int state) {
  return [state](coproc::PriorityMessenger& host, Shared&) {
    host.save(state);
    die();
  };
}
inline void just_die(coproc::PriorityMessenger&, Shared&) { die(); }

/// What the present worker says; the ends before are told by errors with Pending::fail, and not with resend.
inline std::string said(Lives& lives) { return lives.messenger().receive_blocking<std::string>(); }
