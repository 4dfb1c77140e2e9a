// What a run of a worker has to do for the trace of its host, if there is one.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "link/link.hpp"

namespace coproc::inline v0::trace {

struct FollowedLink;

/// How many events a worker must keep that is started now; 0: there is no trace.
std::size_t events_wanted() noexcept;

class Followed {
 public:
  /// Empty: nothing is followed.
  Followed() noexcept = default;
  /// The trace, if there is one, reads this link from now on. Call before the link is used, and end this before it is
  /// destroyed.
  Followed(link::Link& host_link, int pid, const std::string& name);
  Followed(Followed&& other) noexcept = default;
  /// Ends what was followed.
  Followed& operator=(Followed&& other) noexcept;
  ~Followed() { stop(); }

  /// The worker's end was noticed at this moment.
  void note_end() noexcept;

 private:
  void stop() noexcept;
  /// If the trace that follows the link is still that of this process, it reads the link.
  static void read_if_still(FollowedLink& followed) noexcept;

  std::shared_ptr<FollowedLink> followed_;  // null: nothing is followed
};

}  // namespace coproc::inline v0::trace
