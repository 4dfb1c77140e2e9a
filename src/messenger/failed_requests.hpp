// The requests that earlier workers of a supervised messenger left without an answer, until their receives have thrown.
//
// Thread safety: none; one thread at a time, which Core ensures.
// Invariants: the ids of each end are sorted, and no id is there twice.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <exception>
#include <utility>
#include <vector>

#include "coproc/request_id.hpp"

namespace coproc::inline v0::detail {

class FailedRequests {
 public:
  /// So many ends are remembered. Nobody need ever ask for an old request, so that they would pile up.
  static constexpr std::size_t kMostEnds = 32;

  /// All of these requests have failed by this error. REQUIRES: the ids are sorted.
  void add(std::vector<RequestId> ids, std::exception_ptr error) {
    if (ids.empty()) return;
    if (ends_.size() == kMostEnds) ends_.pop_front();
    ends_.push_back({std::move(ids), std::move(error)});
  }
  /// Removes the request and returns its error; null if it is not here.
  std::exception_ptr take(RequestId id) noexcept {
    for (auto end = ends_.begin(); end != ends_.end(); ++end) {
      const auto found = std::lower_bound(end->ids.begin(), end->ids.end(), id);
      if (found == end->ids.end() || *found != id) continue;
      std::exception_ptr error = end->error;
      end->ids.erase(found);
      if (end->ids.empty()) ends_.erase(end);
      return error;
    }
    return nullptr;
  }

 private:
  struct End {
    std::vector<RequestId> ids;
    std::exception_ptr error;
  };
  std::deque<End> ends_;
};

}  // namespace coproc::inline v0::detail
