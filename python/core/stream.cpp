#include "stream.hpp"

#include <coproc/errors.hpp>

#include <chrono>
#include <utility>

#include "arguments.hpp"
#include "messenger_docs.hpp"

namespace coproc_python {

using coproc::Message;
using coproc::Timeout;

namespace {

using namespace pybind11::literals;

constexpr Timeout kAtOnce = std::chrono::seconds(0);

}  // namespace

Stream::Stream(Messenger& messenger, py::handle data, py::handle channel, py::handle timeout, py::handle each,
               long long window_bytes, py::handle priority)
    : messenger_(&messenger),
      each_(timeout_of(each)),
      unpickles_(messenger.unpickles()),
      refusal_(messenger.refusal()),
      parts_(messenger.begin_stream(data, channel, timeout, window_bytes, priority)) {
  messenger.add(*this);
}

Stream::~Stream() {
  if (messenger_ != nullptr) messenger_->abandon(*this, std::move(parts_));
}

void Stream::lose_link() noexcept {
  is_lost_ = !is_over_;
  parts_.cancel();
  messenger_ = nullptr;
}

/// The first attempt keeps the interpreter's lock, as that of a receive does. A call that does not wait may be made
/// while another thread waits.
std::optional<Message> Stream::next_message(Timeout time) {
  if (kept_) return std::exchange(kept_, std::nullopt);
  if (kept_error_ != nullptr) std::rethrow_exception(std::exchange(kept_error_, nullptr));
  if (is_over_) return std::nullopt;
  if (is_lost_) throw coproc::LinkClosedError("the messenger of this stream has lost its link: the rest cannot come");
  const bool waits = time.ns.count() != 0;
  const Messenger::Use use(*messenger_, waits ? Turn::Kind::wait : Turn::Kind::brief);
  struct Noted {
    Stream& stream;
    ~Noted() {
      if (!stream.is_lost_ && !stream.is_cancelled_) stream.is_over_ = stream.parts_.is_over();
    }
  } const noted{*this};
  const bool is_there = use.at_once([&] {
    coproc::Messenger* const one[] = {&use.link()};
    if (parts_.queued() == 0) (void)coproc::wait_any(one, kAtOnce);  // takes in what has arrived
    return parts_.queued() != 0;
  });
  if (is_there || !waits) return use.at_once([&] { return parts_.next(kAtOnce); });
  // A signal handler may cancel the stream meanwhile.
  return use.run(time, [&](Timeout left) { return is_cancelled_ ? std::nullopt : parts_.next(left); });
}

/// The part is unpickled after the receive has ended, as a message is. It cannot be put back, so one whose unpickling
/// Ctrl-C has ended is kept here for the next call.
py::object Stream::payload_or_keep(Message message) {
  try {
    return payload_of(message, unpickles_, refusal_);
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_KeyboardInterrupt) && !is_cancelled_) kept_ = std::move(message);
    throw;
  }
}

/// The same for the error by which the other side has answered.
void Stream::raise_or_keep(const PythonError& error, std::exception_ptr pointer) {
  py::object exception;
  try {
    exception = remote_exception(error, unpickles_);
  } catch (py::error_already_set& raised) {
    if (raised.matches(PyExc_KeyboardInterrupt) && !is_cancelled_) kept_error_ = std::move(pointer);
    throw;
  }
  raise_exception(exception);
}

/// Keeps the messenger while `f` runs. If it is gone, no error can be the one that has ended its worker.
template <class F>
auto Stream::with_errors(F f) {
  Messenger* const messenger = messenger_;
  const py::object keeper = messenger == nullptr ? py::object() : py::cast(messenger);
  try {
    return f();
  } catch (const PythonError& error) {
    if (messenger != nullptr) messenger->note_raised(error);
    raise_or_keep(error, std::current_exception());
  }
}

py::object Stream::next(Timeout time) {
  return with_errors([&] {
    auto message = next_message(time);
    return message ? payload_or_keep(*std::move(message)) : py::object();
  });
}

py::object Stream::try_next() {
  return with_errors([&]() -> py::object {
    try {
      auto message = next_message(kAtOnce);
      return message ? py::make_tuple(payload_or_keep(*std::move(message))) : py::tuple();
    } catch (const coproc::TimeoutError& error) {
      if (is_of_other_side(error)) throw;
      return py::none();
    }
  });
}

void Stream::cancel() {
  if (!is_over_ && messenger_ != nullptr) {
    try {
      Messenger& messenger = *messenger_;
      const Messenger::Use use(messenger);
      is_cancelled_ = true;  // within the turn, since the wait of another thread reads it
      messenger.cancel(parts_);
    } catch (const coproc::LinkClosedError&) {
      // The link is about to go, which cancels the stream.
    }
  }
  is_cancelled_ = true;
  kept_.reset();
  kept_error_ = nullptr;
  is_over_ = true;
  is_lost_ = false;
}

std::size_t Stream::queued() {
  const std::size_t kept = (kept_ ? 1 : 0) + (kept_error_ != nullptr ? 1 : 0);
  if (is_over_ || messenger_ == nullptr) return kept;
  try {
    const Messenger::Use use(*messenger_);
    return kept + parts_.queued();
  } catch (const coproc::LinkClosedError&) {
    return kept;  // the link is about to go, and the parts with it
  }
}

namespace {

/// The next step of a loop. A StopIteration of the other side or of a part must not look like the end, so it becomes
/// the cause of a RuntimeError, as in a generator.
py::object step(Stream& stream) {
  py::object part;
  try {
    part = stream.next_in_loop();
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_StopIteration)) throw;
    py::raise_from(error, PyExc_RuntimeError, "a part of a stream, or its error, raised StopIteration");
    throw py::error_already_set();
  }
  if (!part) throw py::stop_iteration();
  return part;
}

}  // namespace

void bind_stream(py::module_& module) {
  const auto none = py::none();
  py::class_<Stream>(module, "Stream", docs::kStream.c_str())
      .def(py::init<Messenger&, py::object, py::object, py::object, py::object, long long, py::object>())
      .def("__iter__", [](py::object self) { return self; })
      .def("__next__", &step)
      .def(
          "next",
          [](Stream& self, py::object otherwise, py::object timeout) {
            py::object part = self.next(timeout_of(timeout));
            return part ? part : otherwise;
          },
          "default"_a = none, py::kw_only(), "timeout"_a = none, docs::kStreamNext.c_str())
      .def("_try_next", &Stream::try_next)
      .def("cancel", &Stream::cancel, docs::kStreamCancel.c_str())
      .def("queued", &Stream::queued, docs::kStreamQueued.c_str())
      .def_property_readonly("is_over", &Stream::is_over, docs::kStreamIsOver.c_str());
}

}  // namespace coproc_python
