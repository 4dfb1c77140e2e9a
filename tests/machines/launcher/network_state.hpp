// What a test and its cuttable_launcher share, in a file that both map.
#pragma once

#include <atomic>

namespace machines {

struct NetworkState {
  std::atomic<int> is_cut_to_far{0};
  std::atomic<int> is_cut_from_far{0};
  std::atomic<int> far{0};      // the process that the command has become
  std::atomic<int> network{0};  // the process that passes bytes on; stored last
};
static_assert(std::atomic<int>::is_always_lock_free);  // shared between processes

}  // namespace machines
