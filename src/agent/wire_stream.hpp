// A wire to the other agent, with what is on its way through it: a pair of pipes, or TLS by a socket.
//
// Thread safety: one thread at a time.
#pragma once

#include "wire/intake.hpp"
#include "wire/outbox.hpp"

namespace coproc::inline v0::agent {

class WireStream {
 public:
  WireStream() = default;
  WireStream(const WireStream&) = delete;
  WireStream& operator=(const WireStream&) = delete;
  virtual ~WireStream() = default;

  wire::Outbox& outbox() noexcept { return outbox_; }
  wire::Intake& intake() noexcept { return intake_; }
  /// Reads what has come, as far as there is room for it. False: nothing more can come.
  virtual bool fill() noexcept = 0;
  /// Writes what can go. False: nothing more can go.
  virtual bool flush() = 0;
  /// The other agent sees the end of what comes from here. What has not been written by then is dropped.
  virtual void close_out() noexcept = 0;

  /// For POLLIN.
  virtual int in() const noexcept = 0;
  /// For POLLOUT; -1: there is nothing to write.
  virtual int out_if_waiting() const noexcept = 0;
  /// Whether fill() may find something although in() is not ready.
  virtual bool holds_input() const noexcept { return false; }

 protected:
  wire::Intake intake_;
  wire::Outbox outbox_;
};

}  // namespace coproc::inline v0::agent
