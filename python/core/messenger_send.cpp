// The sends of a messenger.
#include <chrono>
#include <cstddef>
#include <optional>

#include <coproc/errors.hpp>

#include "arguments.hpp"
#include "errors.hpp"
#include "memory.hpp"
#include "messenger.hpp"
#include "outgoing_data.hpp"

namespace coproc_python {

using coproc::ChannelId;
using coproc::SendOptions;
using coproc::Timeout;

namespace {

constexpr Timeout kAtOnce = std::chrono::seconds(0);
/// The largest message whose send is tried while the interpreter's lock is held. Releasing the lock takes longer than
/// such a send, and taking it again may take much longer.
constexpr std::size_t kSmall = 64 << 10;

}  // namespace

template <class SendBytes>
auto Messenger::send_value(py::handle data, py::handle timeout, SendBytes send_bytes) {
  const Timeout time = timeout_of(timeout);
  return send_outgoing(OutgoingData(data, unpickles_, main_names_), time, send_bytes);
}

template <class SendBytes>
auto Messenger::send_outgoing(const OutgoingData& outgoing, Timeout time, SendBytes send_bytes) {
  const Use use(*this);
  const auto send_all = [&](Timeout within) {
    return outgoing.visit([&](const auto& value) { return send_bytes(use.link(), value, within); });
  };
  if (outgoing.size() <= kSmall) {
    try {
      return use.at_once([&] { return send_all(kAtOnce); });
    } catch (const coproc::TimeoutError&) {
      if (time.ns.count() == 0) throw;
    }
  }
  return use.run(time, send_all);
}

std::uint64_t Messenger::send(Send what, py::handle data, py::handle channel, py::handle timeout, py::handle priority) {
  // A copy, since priorities and pickling may run any code, which may use other channels.
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
  const OutgoingData outgoing(data, unpickles_, main_names_);
  const Use use(*this);
  return use.at_once([&] {
    return outgoing.visit([&](const auto& value) { return use->try_send(value, id, {.priority = urgency}); });
  });
}

std::optional<std::uint64_t> Messenger::try_send_request(py::handle data, py::handle channel, py::handle priority) {
  const ChannelId id = id_of(channel);  // a copy, as in send
  const auto urgency = priority_of(priority, data, reorders_);
  const OutgoingData outgoing(data, unpickles_, main_names_);
  const Use use(*this);
  const auto sent = use.at_once([&] {
    return outgoing.visit([&](const auto& value) { return use->try_send_request(value, id, {.priority = urgency}); });
  });
  return sent ? std::optional(static_cast<std::uint64_t>(*sent)) : std::nullopt;
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

void Messenger::save(py::handle state, py::handle timeout) {
  send_value(state, timeout, [&](coproc::Messenger& link, const auto& value, Timeout within) {
    link.save(value, {.timeout = within});
    return 0;
  });
}

void Messenger::save_and_reply(py::handle state, py::handle data, py::handle channel, py::handle timeout,
                               py::handle priority) {
  const ChannelId id = id_of(channel);  // a copy, as in send
  SendOptions options{.priority = priority_of(priority, data, reorders_)};
  const OutgoingData kept(state, unpickles_, main_names_);
  send_value(data, timeout, [&](coproc::Messenger& link, const auto& answer, Timeout within) {
    options.timeout = within;
    kept.visit([&](const auto& value) { link.save_and_reply(value, answer, id, options); });
    return 0;
  });
}

void Messenger::save_and_reply_to(py::handle state, const Received& request, py::handle data, py::handle timeout,
                                  py::handle priority) {
  SendOptions options{.priority = priority_of(priority, data, reorders_)};
  const OutgoingData kept(state, unpickles_, main_names_);
  send_value(data, timeout, [&](coproc::Messenger& link, const auto& answer, Timeout within) {
    options.timeout = within;
    kept.visit([&](const auto& value) { link.save_and_reply_to(value, request.message, answer, options); });
    return 0;
  });
}

void Messenger::reply_part_to(const Received& request, py::handle data, py::handle timeout) {
  send_value(data, timeout, [&](coproc::Messenger& link, const auto& value, Timeout within) {
    link.reply_part_to(request.message, value, {.timeout = within});
    return 0;
  });
}

bool Messenger::try_reply_part_to(const Received& request, py::handle data) {
  const OutgoingData outgoing(data, unpickles_, main_names_);
  const Use use(*this);
  return use.at_once([&] {
    return outgoing.visit([&](const auto& value) { return use->try_reply_part_to(request.message, value); });
  });
}

void Messenger::end_reply_to(const Received& request, py::handle timeout) {
  const Timeout time = timeout_of(timeout);
  const Use use(*this);
  use.run(time, [&](Timeout left) { use->end_reply_to(request.message, {.timeout = left}); });
}

coproc::Stream<coproc::Message> Messenger::begin_stream(py::handle data, py::handle channel, py::handle timeout,
                                                        long long window_bytes, py::handle priority) {
  if (window_bytes < 0) throw coproc::InvalidArgumentError("stream: window_bytes cannot be negative");
  const ChannelId id = id_of(channel);  // a copy, as in send
  coproc::StreamOptions options{.window_bytes = static_cast<std::size_t>(window_bytes),
                                .priority = priority_of(priority, data, reorders_)};
  return send_value(data, timeout, [&](coproc::Messenger& link, const auto& value, Timeout within) {
    options.timeout = within;
    return link.stream<coproc::Message>(value, id, options);
  });
}

void Messenger::reply_error_to(const Received& request, py::handle exception, py::handle timeout) {
  const PythonError error = to_python_error(exception);
  const Timeout time = timeout_of(timeout);
  const Use use(*this);
  use.run(time, [&](Timeout left) { use->reply_error_to(request.message, error, {.timeout = left}); });
}

void Messenger::send_error(py::handle exception, py::handle timeout) {
  const PythonError error = to_python_error(exception);
  const Timeout time = timeout_of(timeout);
  const Use use(*this);
  use.run(time, [&](Timeout left) { use->send_error(error, {.timeout = left}); });
}

void Messenger::send_close_request() { Use(*this)->send_close_request(); }

void Messenger::send_end(py::handle timeout) {
  const Timeout time = timeout_of(timeout);
  const Use use(*this);
  use.run(time, [&](Timeout left) { use->send_end({.timeout = left}); });
}

py::object Messenger::lend(std::size_t bytes) { return as_lendable(Use(*this)->loan(bytes).share()); }

}  // namespace coproc_python
