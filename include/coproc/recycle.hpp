// When a worker is replaced although it works.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace coproc::inline v0 {

/// When a supervised worker, or one of a pool, makes place for a new one before it does harm: since it grows, or to be
/// on the safe side. It receives and answers all that it was sent, as by `Supervised::finish`. Nothing fails, and it
/// does not count as a restart.
///
/// Thread safety: a value.
struct RecycleOptions {
  /// After so many requests, or tasks of a pool, were sent to it. 0: never because of this.
  std::uint64_t requests = 0;
  /// When it has so many resident bytes; this is looked at every 100 ms at most. 0: never because of this. Of a worker
  /// on another machine it is not known.
  std::size_t memory = 0;
  /// When it was started so long ago. 0: never because of this.
  std::chrono::nanoseconds age = std::chrono::nanoseconds(0);
  /// Each worker has limits of its own, smaller or greater by a random part, at most this share, so that many workers
  /// do not make place at the same moment. From 0 to 1.
  double spread = 0.1;
  /// How long it may take to answer what it has, and to end. Then a supervised worker is stopped, as by
  /// `Supervised::stop`. That of a pool is told to end when it has nothing left to answer, and is killed then.
  std::chrono::nanoseconds grace = std::chrono::seconds(30);
  /// Whether the next worker is started first, and this one told to make place when that start is over, so that no call
  /// waits for it. Meanwhile there are two. There is no overlap where the next worker is made by a fork of this process
  /// (StartMethod::fork) or on another machine, and none once a worker has saved a state, since the next one would not
  /// have the newest. Pools refuse it.
  bool overlap = false;
};

}  // namespace coproc::inline v0
