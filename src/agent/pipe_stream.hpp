// The wire through the launcher's stdin and stdout.
//
// Thread safety: one thread at a time.
#pragma once

#include "agent/wire_stream.hpp"
#include "os/fd.hpp"

namespace coproc::inline v0::agent {

class PipeStream final : public WireStream {
 public:
  /// Neither descriptor waits from now on. Throws std::system_error.
  PipeStream(os::Fd in, os::Fd out);

  bool fill() noexcept override;
  bool flush() override;
  void close_out() noexcept override { out_.reset(); }

  int in() const noexcept override { return in_.get(); }
  int out_if_waiting() const noexcept override { return outbox_.is_empty() ? -1 : out_.get(); }

 private:
  os::Fd in_;
  os::Fd out_;
};

}  // namespace coproc::inline v0::agent
