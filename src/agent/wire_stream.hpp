// The two descriptors of a wire, with what is on its way through them.
//
// Thread safety: one thread at a time.
#pragma once

#include "os/fd.hpp"
#include "wire/intake.hpp"
#include "wire/outbox.hpp"

namespace coproc::inline v0::agent {

class WireStream {
 public:
  /// Neither descriptor waits from now on. Throws std::system_error.
  WireStream(os::Fd in, os::Fd out);

  wire::Outbox& outbox() noexcept { return outbox_; }
  wire::Intake& intake() noexcept { return intake_; }
  /// Reads what has come, as far as there is room for it. False: nothing more can come.
  bool fill() noexcept;
  /// Writes what can go. False: nothing more can go.
  bool flush();
  /// The other agent sees the end of what comes from here.
  void close_out() noexcept { out_.reset(); }

  int in() const noexcept { return in_.get(); }
  /// For POLLOUT; -1: there is nothing to write.
  int out_if_waiting() const noexcept { return outbox_.is_empty() ? -1 : out_.get(); }

 private:
  os::Fd in_;
  os::Fd out_;
  wire::Intake intake_;
  wire::Outbox outbox_;
};

}  // namespace coproc::inline v0::agent
