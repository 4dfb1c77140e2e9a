#include "messenger.hpp"

#include <unistd.h>
#include <coproc/errors.hpp>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>

#include "arguments.hpp"
#include "errors.hpp"
#include "memory.hpp"
#include "outgoing_data.hpp"
#include "pickling.hpp"

namespace coproc_python {

using coproc::ChannelId;
using coproc::Message;
using coproc::SendOptions;
using coproc::Timeout;

namespace {

constexpr Timeout kAtOnce = std::chrono::seconds(0);
/// Up to so many bytes a send is tried with the interpreter's lock: giving it up takes longer, and getting it back may take much
/// longer.
constexpr std::size_t kSmall = 64 << 10;

}  // namespace

// ---- its link ----

coproc::Messenger& Messenger::link() {
  if (link_ != nullptr) return *link_;
  if (held_ == nullptr) {
    throw coproc::LinkClosedError("this messenger has no link any more: it was closed, or passed to another process");
  }
  const auto held = std::move(held_);
  held_.reset();
  // A fork has brought both ends of the pair here: kept, the other one would hide the end of its process.
  if (const auto sibling = held->sibling.lock(); sibling != nullptr && held->pid != ::getpid()) sibling->end.close();
  if (reorders_) {
    link_ = &owned_.emplace<coproc::PriorityMessenger>(held->end.open<coproc::PriorityMessenger>());
  } else {
    link_ = &owned_.emplace<coproc::MultiMessenger>(held->end.open<coproc::MultiMessenger>());
  }
  return *link_;
}

const ChannelId& Messenger::id_of(py::handle channel) {
  if (!channel.is_none() && PySet_Add(channels_.ptr(), channel.ptr()) != 0) throw py::error_already_set();
  return channel_of(channel);
}

void Messenger::close() {
  if (uses_ != 0) {
    throw coproc::ConcurrentUseError("close: another thread waits in this messenger: interrupt() it first");
  }
  if (held_ != nullptr) held_->end.close();
  held_.reset();
  link_ = nullptr;
  owned_.emplace<std::monostate>();
  keeper_.reset();
}

void Messenger::leave() noexcept {
  if (link_ == nullptr) return;  // the target has closed it
  coproc::Messenger& link = *std::exchange(link_, nullptr);
  while (uses_ != 0) {
    link.interrupt();  // one wait ends by it
    const Unlocked unlocked;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

template <class F>
auto Messenger::with_errors(F f) {
  try {
    return f();
  } catch (const PythonError& error) {
    raise_remote(error, unpickles_);
  }
}

// ---- sending ----

template <class SendBytes>
auto Messenger::send_value(py::handle data, py::handle timeout, SendBytes send_bytes) {
  const Timeout time = timeout_of(timeout);
  const OutgoingData outgoing(data, unpickles_);
  const Use use(*this);
  const auto send_all = [&](Timeout within) {
    return outgoing.visit([&](const auto& value) { return send_bytes(use.link, value, within); });
  };
  if (outgoing.size() <= kSmall) {
    try {
      return send_all(kAtOnce);
    } catch (const coproc::TimeoutError&) {
      if (time.ns.count() == 0) throw;
    }
  }
  const Unlocked unlocked;
  return send_all(time);
}

std::uint64_t Messenger::send(Send what, py::handle data, py::handle channel, py::handle timeout, py::handle priority) {
  // A copy: priorities and pickling may run any code, which may use other channels.
  const ChannelId id = id_of(channel);
  SendOptions options{.priority = priority_of(priority, data, reorders_)};
  return send_value(data, timeout, [&](coproc::Messenger& link, const auto& value, Timeout within) -> std::uint64_t {
    options.timeout = within;
    switch (what) {
      case Send::request:
        return static_cast<std::uint64_t>(link.send_request(value, id, options));
      case Send::reply:
        link.send_reply(value, id, options);
        return 0;
      case Send::norequest:
        break;
    }
    link.send_norequest(value, id, options);
    return 0;
  });
}

bool Messenger::try_send(py::handle data, py::handle channel, py::handle priority) {
  const ChannelId id = id_of(channel);  // a copy, as in send
  const auto urgency = priority_of(priority, data, reorders_);
  const OutgoingData outgoing(data, unpickles_);
  const Use use(*this);
  return outgoing.visit([&](const auto& value) { return use.link.try_send(value, id, urgency); });
}

std::vector<std::uint64_t> Messenger::send_requests(py::iterable data, py::handle channel, py::handle timeout,
                                                    py::handle priority) {
  std::vector<std::uint64_t> ids;
  for (const py::handle each : data) ids.push_back(send(Send::request, each, channel, timeout, priority));
  return ids;
}

void Messenger::reply_to(const Received& request, py::handle data, py::handle timeout, py::handle priority) {
  SendOptions options{.priority = priority_of(priority, data, reorders_)};
  send_value(data, timeout, [&](coproc::Messenger& link, const auto& value, Timeout within) {
    options.timeout = within;
    link.reply_to(request.message, value, options);
    return 0;
  });
}

void Messenger::reply_error_to(const Received& request, py::handle exception, py::handle timeout) {
  const PythonError error = to_python_error(exception);
  const SendOptions options{.timeout = timeout_of(timeout)};
  const Use use(*this);
  const Unlocked unlocked;
  use.link.reply_error_to(request.message, error, options);
}

void Messenger::send_error(py::handle exception, py::handle timeout) {
  const PythonError error = to_python_error(exception);
  const SendOptions options{.timeout = timeout_of(timeout)};
  const Use use(*this);
  const Unlocked unlocked;
  use.link.send_error(error, options);
}

void Messenger::send_close_request() { link().send_close_request(); }

py::object Messenger::lend(std::size_t bytes) { return as_lendable(link().loan(bytes).share()); }

// ---- receiving ----

/// The first look keeps the interpreter's lock.
template <class T>
std::optional<T> Messenger::receive_value(const ChannelId& channel, Timeout timeout) {
  const Use use(*this);
  auto value = use.link.receive_for<T>(kAtOnce, channel);
  if (value || timeout.ns.count() == 0) return value;
  const ChannelId kept = channel;  // the reference holds only until another thread runs
  const Unlocked unlocked;
  return use.link.receive_for<T>(timeout, kept);
}

Message Messenger::wait_for_message(py::handle channel, py::handle timeout) {
  auto message = receive_value<Message>(id_of(channel), timeout_of(timeout));
  if (!message) throw coproc::TimeoutError("no message of channel " + id_of(channel).describe() + " came in this time");
  return *std::move(message);
}

py::object Messenger::receive(py::handle channel, py::handle timeout) {
  return with_errors([&]() -> py::object {
    raise_put_off();
    if (unpickles_) {
      try {
        auto value = receive_value<Value>(id_of(channel), timeout_of(timeout));
        if (value) return unpickle(*std::move(value));
        throw coproc::TimeoutError("no message of channel " + id_of(channel).describe() + " came in this time");
      } catch (const coproc::TypeMismatchError&) {
        // Of another program's type: it is still there.
      }
    }
    return payload_of(wait_for_message(channel, timeout), unpickles_);
  });
}

Received Messenger::receive_message(py::handle channel, py::handle timeout) {
  return with_errors([&] {
    raise_put_off();
    return Received{wait_for_message(channel, timeout), py::reinterpret_borrow<py::object>(channel), unpickles_};
  });
}

Received Messenger::receive_any(const std::vector<py::object>& channels, py::handle timeout) {
  return with_errors([&]() -> Received {
    raise_put_off();
    const Timeout time = timeout_of(timeout);
    if (channels.empty()) throw coproc::InvalidArgumentError("receive_any: give one channel at least");
    std::vector<ChannelId> ids;
    for (const py::object& channel : channels) ids.push_back(id_of(channel));
    const Use use(*this);
    std::optional<Message> message;
    {
      const Unlocked unlocked;
      message = use.link.receive_any(ids, time);
    }
    if (!message) throw coproc::TimeoutError("no message of these channels came in this time");
    std::size_t index = 0;
    while (!(ids[index] == message->channel())) ++index;
    return {*std::move(message), channels[index], unpickles_};
  });
}

py::object Messenger::try_receive(py::handle channel, bool as_message) {
  return with_errors([&]() -> py::object {
    raise_put_off();
    auto message = link().receive_for<Message>(kAtOnce, id_of(channel));
    if (!message) return py::none();
    Received received{*std::move(message), py::reinterpret_borrow<py::object>(channel), unpickles_};
    if (as_message) return py::cast(std::move(received));
    return py::make_tuple(payload_of(received.message, unpickles_));
  });
}

py::list Messenger::receive_available_messages(py::handle channel) {
  return with_errors([&] {
    raise_put_off();
    return take_available(channel, [&](Message&& message) {
      return py::cast(Received{std::move(message), py::reinterpret_borrow<py::object>(channel), unpickles_});
    });
  });
}

py::list Messenger::receive_available(py::handle channel) {
  return with_errors([&] {
    raise_put_off();
    return take_available(channel, [&](Message&& message) { return payload_of(message, unpickles_); });
  });
}

/// What `take` makes of each that has come by now. Where none has, and none can come any more, it throws what a wait would.
/// Any other error is raised in its turn: at once, or by the next receive where there is something to return.
template <class Take>
py::list Messenger::take_available(py::handle channel, Take take) {
  py::list all;
  try {
    for (std::size_t left = std::max<std::size_t>(1, link().available(id_of(channel))); left != 0; --left) {
      auto message = link().receive_for<Message>(kAtOnce, id_of(channel));
      if (!message) break;
      all.append(take(*std::move(message)));
    }
  } catch (...) {
    if (all.empty()) throw;
    put_off_ = std::current_exception();
  }
  return all;
}

void Messenger::raise_put_off() {
  if (put_off_) std::rethrow_exception(std::exchange(put_off_, nullptr));
}

py::object Messenger::receive_reply(std::uint64_t id, py::handle timeout) {
  return with_errors([&] {
    raise_put_off();
    const Timeout time = timeout_of(timeout);
    const Use use(*this);
    std::optional<Message> message;
    {
      const Unlocked unlocked;
      message = use.link.receive_reply(coproc::RequestId{id}, time);
    }
    return payload_of(*message, unpickles_);
  });
}

Received Messenger::receive_next_reply(py::handle channel, py::handle timeout) {
  return with_errors([&] {
    raise_put_off();
    const Timeout time = timeout_of(timeout);
    const ChannelId id = id_of(channel);
    const Use use(*this);
    std::optional<Message> message;
    {
      const Unlocked unlocked;
      auto replies = use.link.receive_remaining<Message>(id, time);
      message = std::move(*replies.begin());
    }
    return Received{*std::move(message), py::reinterpret_borrow<py::object>(channel), unpickles_};
  });
}

// ---- looking ----

std::size_t Messenger::available(py::handle channel) {
  return with_errors([&] { return link().available(id_of(channel)); });
}
std::size_t Messenger::queued(py::handle channel) { return link_ == nullptr ? 0 : link_->queued(id_of(channel)); }
coproc::ChannelCounts Messenger::counts(py::handle channel) {
  return link_ == nullptr ? coproc::ChannelCounts() : link_->counts(id_of(channel));
}
bool Messenger::has_work() {
  coproc::Messenger* const one[] = {&link()};
  return put_off_ != nullptr || coproc::wait_any(one, kAtOnce) == 0;
}
bool Messenger::close_requested() { return link().close_requested(); }
void Messenger::interrupt() { link().interrupt(); }
int Messenger::native_handle() { return link().native_handle(); }

}  // namespace coproc_python
