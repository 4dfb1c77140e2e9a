// What a hostile worker of a pool does: it knows which task it runs, and what a pool's worker says (pool/protocol.hpp).
#pragma once

#include <cstdint>
#include <span>

#include "coproc/detail/task.hpp"
#include "hostile/attacker.hpp"

namespace hostile {

/// One task of a worker that lies in it. Its answer is Answer{x, check_of(x)}.
struct LyingTask {
  coproc::detail::TaskRun& run;
  std::uint64_t serial;  // as its host counts the tasks of this worker
  int x;

  /// The honest answer, as the link's own messenger sends it.
  void answer() const;
};

struct Answer {
  int x = 0;
  std::uint64_t check = 0;
};
/// No other bytes look like it by chance.
std::uint64_t check_of(int x) noexcept;

struct PoolAttack {
  const char* name;
  void (*run)(Attacker& attacker, LyingTask& task);
};
std::span<const PoolAttack> lying_in_pools();

}  // namespace hostile
