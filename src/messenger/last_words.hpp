// The facts about a peer that has ended: the exception that left its target, and the requests that it did not answer.
//
// Thread safety: all calls from any thread.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "coproc/request_id.hpp"
#include "os/mutex.hpp"
#include "os/thread_annotations.hpp"

namespace coproc::inline v0::detail {

class LastWords {
 public:
  void note_error(std::exception_ptr error, std::string description) {
    const os::MutexLock lock(mutex_);
    error_ = std::move(error);
    description_ = std::move(description);
  }
  void note_unanswered(std::vector<RequestId> ids) {
    const os::MutexLock lock(mutex_);
    unanswered_ = std::move(ids);
  }
  bool has_error() const {
    const os::MutexLock lock(mutex_);
    return error_ != nullptr;
  }
  /// The exception and its description. Null and empty if none has arrived.
  std::pair<std::exception_ptr, std::string> error() const {
    const os::MutexLock lock(mutex_);
    return {error_, description_};
  }
  /// The ids of the requests, in the order of their sends.
  std::vector<RequestId> unanswered() const {
    const os::MutexLock lock(mutex_);
    return unanswered_;
  }

 private:
  mutable os::Mutex mutex_;
  std::exception_ptr error_ COPROC_GUARDED_BY(mutex_);
  std::string description_ COPROC_GUARDED_BY(mutex_);
  std::vector<RequestId> unanswered_ COPROC_GUARDED_BY(mutex_);
};

}  // namespace coproc::inline v0::detail
