// The receives of a messenger that take replies.
#include <coproc/errors.hpp>

#include <chrono>
#include <optional>
#include <utility>

#include "arguments.hpp"
#include "errors.hpp"
#include "messenger.hpp"

namespace coproc_python {

using coproc::ChannelId;
using coproc::Message;
using coproc::Timeout;

namespace {

constexpr Timeout kAtOnce = std::chrono::seconds(0);

}  // namespace

py::object Messenger::receive_reply(std::uint64_t id, py::handle timeout) {
  return receive_reply_within(id, timeout_of(timeout));
}

py::object Messenger::receive_reply_within(std::uint64_t id, Timeout time) {
  return with_errors([&] {
    auto message = [&] {
      const Use use(*this, Turn::Kind::wait);
      return use.run(time, [&](Timeout left) { return use->receive_reply(coproc::RequestId{id}, left); });
    }();
    return payload_or_put_back(std::move(message));
  });
}

/// Calls `receive(use)`, which does not wait, beside the wait of another thread.
template <class Receive>
py::object Messenger::try_receive_as(Receive receive) {
  return with_errors([&]() -> py::object {
    std::optional<Message> message;
    try {
      const Use use(*this);
      message = use.at_once([&] { return receive(use); });
    } catch (const coproc::TimeoutError& error) {
      if (is_of_other_side(error)) throw;
      return py::none();
    }
    return py::make_tuple(payload_or_put_back(*std::move(message)));
  });
}

py::object Messenger::try_receive_reply(std::uint64_t id) {
  return try_receive_as([&](const Use& use) { return use->receive_reply(coproc::RequestId{id}, kAtOnce); });
}

void Messenger::discard_reply(std::uint64_t id) {
  with_errors([&] { Use(*this)->discard_reply(coproc::RequestId{id}); });
}

py::object Messenger::call(py::handle data, py::handle channel, py::handle timeout) {
  const Timeout time = timeout_of(timeout);
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t id = send(Send::request, data, channel, timeout, py::none());
  try {
    const auto used = std::chrono::steady_clock::now() - begin;
    return receive_reply_within(id, time.ns == coproc::kForever.ns ? time : Timeout(time.ns - used));
  } catch (...) {
    try {
      discard_reply(id);
    } catch (const coproc::Error&) {
      // The reply was an error, or the link is gone.
    }
    throw;
  }
}

py::object Messenger::receive_next_reply(py::handle channel, py::handle timeout) {
  return with_errors([&] {
    Received received = receive_next_reply_message(channel, timeout);
    return payload_or_put_back(std::move(received.message));
  });
}

py::object Messenger::try_receive_next_reply(py::handle channel) {
  const ChannelId id = id_of(channel);
  return try_receive_as([&](const Use& use) { return next_reply_in(use, id, kAtOnce); });
}

Message Messenger::next_reply_in(const Use& use, const ChannelId& channel, Timeout time) {
  auto replies = use->receive_remaining<Message>(channel, time);
  const auto at = replies.begin();
  if (at == replies.end()) {
    throw coproc::NoRequestError("no reply can come on channel " + channel.describe() +
                                 ": every request of it is answered");
  }
  return std::move(*at);
}

Received Messenger::receive_next_reply_message(py::handle channel, py::handle timeout) {
  return with_errors([&] {
    const Timeout time = timeout_of(timeout);
    const ChannelId id = id_of(channel);
    const Use use(*this, Turn::Kind::wait);
    auto message = use.run(time, [&](Timeout left) { return next_reply_in(use, id, left); });
    return Received{std::move(message), py::reinterpret_borrow<py::object>(channel), unpickles_, refusal_};
  });
}

}  // namespace coproc_python
