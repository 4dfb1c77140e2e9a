// Sets a flag for the time of a scope. Thread safety: that of the flag.
#pragma once

#include <utility>

namespace coproc::inline v0::detail {

/// Sets a flag, and makes it what it was at its end.
class WhileTrue {
 public:
  explicit WhileTrue(bool& flag) : flag_(flag), before_(std::exchange(flag, true)) {}
  WhileTrue(const WhileTrue&) = delete;
  WhileTrue& operator=(const WhileTrue&) = delete;
  ~WhileTrue() { flag_ = before_; }

 private:
  bool& flag_;
  const bool before_;
};

}  // namespace coproc::inline v0::detail
