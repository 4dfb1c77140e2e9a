// A lower resource limit for a part of a test.
//
// Thread safety: none. The limit is that of the whole process.
#pragma once

#include <sys/resource.h>

namespace support {

/// Lowers a soft limit of this process while it lives.
class Limit {
 public:
  Limit(__rlimit_resource resource, rlim_t to) : resource_(resource) {
    ::getrlimit(resource, &old_);
    rlimit lower = old_;
    lower.rlim_cur = to;
    ::setrlimit(resource, &lower);
  }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;
  ~Limit() { ::setrlimit(resource_, &old_); }

 private:
  __rlimit_resource resource_;
  rlimit old_{};
};

}  // namespace support
