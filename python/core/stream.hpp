// A stream as Python reads it: the parts that answer one request.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/message.hpp>
#include <coproc/stream.hpp>

#include <cstddef>
#include <exception>
#include <optional>

#include "messenger.hpp"

namespace coproc_python {

/// The messenger may be gone before the stream: the object in Python keeps it alive, but the garbage collector may free
/// both in any order.
///
/// Thread safety: that of Messenger, whose turns it takes.
class Stream {
 public:
  /// Sends the request. Throws what a send throws.
  Stream(Messenger& messenger, py::handle data, py::handle channel, py::handle timeout, py::handle each,
         long long window_bytes, py::handle priority);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  /// Waits for the next part. Returns a null object if there are no more. Throws TimeoutError.
  py::object next(coproc::Timeout time);
  /// The same for at most the time that was given for each part.
  py::object next_in_loop() { return next(each_); }
  /// For callers that wait by other means: returns None if no part has come, an empty tuple if there are no more, and
  /// otherwise a tuple of the part.
  py::object try_next();
  void cancel();
  std::size_t queued();
  bool is_over() const noexcept { return is_over_ && !kept_ && kept_error_ == nullptr; }

  /// For the messenger, before its link goes: cancels the stream. From now on `next` throws LinkClosedError.
  void lose_link() noexcept;

 private:
  std::optional<coproc::Message> next_message(coproc::Timeout time);
  py::object payload_or_keep(coproc::Message message);
  [[noreturn]] void raise_or_keep(const PythonError& error, std::exception_ptr pointer);
  template <class F>
  auto with_errors(F f);

  Messenger* messenger_;  // null once its link is gone
  const coproc::Timeout each_;
  const bool unpickles_;
  const RefusalText refusal_;
  coproc::Stream<coproc::Message> parts_;
  std::optional<coproc::Message> kept_;  // a part whose unpickling Ctrl-C has ended
  std::exception_ptr kept_error_;        // the same of an error
  bool is_over_ = false;                 // as parts_ says, which another thread may be using
  bool is_lost_ = false;                 // the link has gone before the end
  bool is_cancelled_ = false;
};

void bind_stream(py::module_& module);

}  // namespace coproc_python
