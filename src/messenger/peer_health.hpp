// What the supervisor of a messenger has to know about its worker, to decide whether that hangs.
//
// Thread safety: a value.
#pragma once

#include <cstdint>
#include <vector>

#include "link/beats.hpp"
#include "link/link.hpp"

namespace coproc::inline v0::detail {

struct PeerHealth {
  link::Link::PeerLook link;
  link::Beats beats;
  struct Request {
    std::uint64_t id;
    bool is_stream;  // it is answered in parts
  };
  std::vector<Request> in_hand;  // empty if the worker was not asked for it
};

}  // namespace coproc::inline v0::detail
