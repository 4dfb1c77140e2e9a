// What a host does with a worker, in any order, each call with a time: and what may come of it.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "coproc/coproc.hpp"

namespace hostile {

enum class Outcome { returned, ordinary_error, protocol_error, died };

/// Makes one call. Whatever it throws that a worker must not be able to cause is passed on.
class HostCalls {
 public:
  HostCalls(coproc::PriorityMessenger& messenger, std::uint64_t seed) : messenger_(messenger), random_(seed) {}
  Outcome make_one();
  /// The call that was made last; for messages.
  int last() const noexcept { return last_; }

 private:
  void call();
  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  coproc::PriorityMessenger& messenger_;
  std::mt19937_64 random_;
  std::vector<coproc::RequestId> requests_;
  std::vector<coproc::Message> kept_;
  std::vector<coproc::SharedBuffer<int>> buffers_;
  int last_ = 0;
};

}  // namespace hostile
