// What a LinkEnd carries.
//
// Thread safety: a value.
#pragma once

#include <cstdint>

#include "coproc/link_end.hpp"
#include "link/ring_transport.hpp"
#include "os/fd.hpp"
#include "worker/run_request.hpp"

namespace coproc::inline v0 {

struct EndDescription {
  std::uint32_t version = 3;
  HandedMessenger link;
  bool is_of_worker = false;  // then there is a third descriptor: its lifeline
  bool reports_crashes = false;
  bool heeds_signals_of_others = false;
  int host_pid = 0;
};

struct LinkEnd::Parts {
  EndDescription description;
  os::Fd memory, wake;
  os::Fd lifeline;
};

/// The limits and habits of a link as its other end describes them.
LinkOptions limits_of(const HandedMessenger& handed);
/// The description of an end of it.
HandedMessenger description_of(const link::RingTransport& transport, const LinkOptions& link, bool reorders);

}  // namespace coproc::inline v0
