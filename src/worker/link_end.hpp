// The contents of a LinkEnd.
//
// Thread safety: a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coproc/link_end.hpp"
#include "link/link.hpp"
#include "os/fd.hpp"
#include "worker/run_request.hpp"

namespace coproc::inline v0 {

struct EndDescription {
  std::uint32_t version = 5;
  HandedMessenger link;
  bool is_of_worker = false;     // then there is a fourth descriptor: its lifeline
  bool captures_stderr = false;  // then there is one more: a pipe
  bool reports_crashes = false;
  bool heeds_signals_of_others = false;
  int host_pid = 0;
  std::uint64_t max_state_bytes = 0;  // of a worker: as in RunRequest
  std::optional<GivenState> state;    // of a worker
  std::string control_group;          // of a worker: which it enters; empty: it stays where it is
};

struct LinkEnd::Parts {
  EndDescription description;
  os::Fd memory, wake_in, wake_out;
  os::Fd lifeline;
  os::Fd errors;
};

/// The options of a link, as its other end describes them.
LinkOptions limits_of(const HandedMessenger& handed);
/// The description of one end, for another process.
HandedMessenger description_of(const link::Link& link, const LinkOptions& options, bool reorders);

}  // namespace coproc::inline v0
