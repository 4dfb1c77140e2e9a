// The states that a worker saves, as its host keeps them: the newest one, encoded.
//
// Thread safety: none; one thread at a time, which Core ensures. A SavedState does not change any more.
// Invariants: `newest_` has at most `most_bytes_` bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "coproc/detail/buffer.hpp"
#include "coproc/message.hpp"

namespace coproc::inline v0::detail {

struct SavedState {
  std::shared_ptr<const RemoteType> type;
  Buffer bytes;
};

class SavedStates {
 public:
  /// From now on states of at most so many bytes are kept; with 0 none are.
  void keep(std::size_t most_bytes) noexcept { most_bytes_ = most_bytes; }
  std::size_t most_bytes() const noexcept { return most_bytes_; }
  /// Null: none was saved.
  const std::shared_ptr<const SavedState>& newest() const noexcept { return newest_; }
  void put(std::shared_ptr<const SavedState> state) noexcept { newest_ = std::move(state); }

 private:
  std::size_t most_bytes_ = 0;
  std::shared_ptr<const SavedState> newest_;
};

}  // namespace coproc::inline v0::detail
