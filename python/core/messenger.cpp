#include "messenger.hpp"

#include <unistd.h>
#include <coproc/errors.hpp>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>

#include "arguments.hpp"
#include "errors.hpp"
#include "pickling.hpp"

namespace coproc_python {

using coproc::ChannelId;
using coproc::Message;
using coproc::SendOptions;
using coproc::Timeout;

namespace {

constexpr Timeout kAtOnce = std::chrono::seconds(0);

bool is_keyboard_interrupt(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (py::error_already_set& error) {
    return error.matches(PyExc_KeyboardInterrupt);
  } catch (...) {
    return false;
  }
}

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
  try {
    return channel_of(channel);
  } catch (...) {  // it is none
    if (PySet_Discard(channels_.ptr(), channel.ptr()) < 0) PyErr_Clear();
    throw;
  }
}

coproc::Messenger* Messenger::Use::begin() const {
  messenger_.turn_.begin(kind_, [this] {
    if (messenger_.link_ != nullptr) messenger_.link_->interrupt();
  });
  try {
    return &messenger_.link();
  } catch (...) {
    messenger_.turn_.end(kind_);
    throw;
  }
}

/// The time that is left for the next try.
Timeout Messenger::Use::go_on(Timeout time, std::chrono::steady_clock::time_point began) const {
  if (messenger_.turn_.is_wanted()) messenger_.turn_.step_aside();
  if (messenger_.link_ != link_) throw coproc::LinkClosedError("this messenger was closed while a thread waited in it");
  if (time.ns == coproc::kForever.ns) return time;
  return std::max(std::chrono::nanoseconds(0), time.ns - (std::chrono::steady_clock::now() - began));
}

void Messenger::close() {
  if (!turn_.is_free()) {
    throw coproc::ConcurrentUseError("close: another thread waits in this messenger: interrupt() it first");
  }
  if (held_ != nullptr) held_->end.close();
  held_.reset();
  link_ = nullptr;
  forget_left();
  owned_.emplace<std::monostate>();
  keeper_.reset();
}

void Messenger::leave() noexcept {
  if (link_ == nullptr) return;  // the target has closed it
  coproc::Messenger& link = *std::exchange(link_, nullptr);
  while (!turn_.is_free()) {
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
    if (error.has_escaped() && told_ != nullptr) told_->escape = true;
    raise_remote(error, unpickles_);
  }
}

// ---- receiving ----

/// What has come by now.
std::optional<Message> Messenger::next_in(const Use& use, const ChannelId& channel) {
  return use.at_once([&] { return use->receive_for<Message>(channel, kAtOnce); });
}

/// The first look keeps the interpreter's lock.
Message Messenger::wait_for_message(py::handle channel, py::handle timeout) {
  raise_put_off();
  const Timeout time = timeout_of(timeout);
  const ChannelId& id = id_of(channel);
  if (auto left = left_.take(id)) return *std::move(left);
  const ChannelId kept = id;  // the reference holds only until another thread runs
  const Use use(*this, Turn::Kind::wait);
  auto message = next_in(use, kept);
  if (message) return *std::move(message);
  if (time.ns.count() != 0) {
    message = use.run(time, [&](Timeout left) { return use->receive_for<Message>(kept, left); });
  }
  if (!message) throw coproc::TimeoutError("no message of channel " + kept.describe() + " came in this time");
  return *std::move(message);
}

/// Where Ctrl-C ends the unpickling, the message is there for the next receive.
py::object Messenger::payload_or_put_back(Message&& message) {
  try {
    return payload_of(message, unpickles_);
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_KeyboardInterrupt)) left_.put_back(std::move(message));
    throw;
  }
}

py::object Messenger::receive(py::handle channel, py::handle timeout) {
  return with_errors([&] { return payload_or_put_back(wait_for_message(channel, timeout)); });
}

Received Messenger::receive_message(py::handle channel, py::handle timeout) {
  return with_errors([&] {
    return Received{wait_for_message(channel, timeout), py::reinterpret_borrow<py::object>(channel), unpickles_};
  });
}

Received Messenger::receive_any(const py::iterable& channel_ids, py::handle timeout) {
  return with_errors([&]() -> Received {
    raise_put_off();
    const Timeout time = timeout_of(timeout);
    if (py::isinstance<py::str>(channel_ids)) throw py::type_error("receive_any: give a list of channels, not a text");
    std::vector<py::object> channels;
    std::vector<ChannelId> ids;
    for (const py::handle channel : channel_ids) {
      channels.push_back(py::reinterpret_borrow<py::object>(channel));
      ids.push_back(id_of(channel));
    }
    if (ids.empty()) throw coproc::InvalidArgumentError("receive_any: give one channel at least");
    std::optional<Message> message = left_.take_of_any(ids);
    if (!message) {
      const Use use(*this, Turn::Kind::wait);
      message = use.run(time, [&](Timeout left) { return use->receive_any(ids, left); });
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
    const ChannelId id = id_of(channel);
    std::optional<Message> message = left_.take(id);
    if (!message) message = try_next(id);
    if (!message) return py::none();
    if (!as_message) return py::make_tuple(payload_or_put_back(*std::move(message)));
    return py::cast(Received{*std::move(message), py::reinterpret_borrow<py::object>(channel), unpickles_});
  });
}

/// For who waits elsewhere for more: where no more can come that is raised, whatever other channels still hold.
std::optional<Message> Messenger::try_next(const ChannelId& channel) {
  const Use use(*this);
  auto message = next_in(use, channel);
  if (message || !use->end_received()) return message;
  return use.at_once([&] { return use->receive_for<Message>(channel, std::chrono::seconds(1)); });
}

/// How many a receive of all takes: what is left, or else what is there by now, and one that may be an error.
std::size_t Messenger::count_next(const ChannelId& channel) {
  if (const std::size_t left = left_.count(channel)) return left;
  return std::max<std::size_t>(1, Use(*this)->available(channel));
}

/// The next message that has arrived, or nullopt. An error of the link is thrown at once if it is the first thing that
/// is found. Otherwise it is kept for the next receive.
std::optional<Message> Messenger::next_available(const ChannelId& channel, bool is_first) {
  if (auto left = left_.take(channel)) return left;
  try {
    return next_in(Use(*this), channel);
  } catch (...) {
    if (is_first) throw;
    put_off_ = std::current_exception();
    return std::nullopt;
  }
}

py::list Messenger::receive_available_messages(py::handle channel) {
  return with_errors([&] {
    raise_put_off();
    const ChannelId id = id_of(channel);
    py::list all;
    for (std::size_t most = count_next(id); all.size() < most;) {
      auto message = next_available(id, all.empty());
      if (!message) break;
      all.append(Received{*std::move(message), py::reinterpret_borrow<py::object>(channel), unpickles_});
    }
    return all;
  });
}

/// If one of the messages causes an error, the error is raised at once if the message is the first one. Otherwise the
/// messages before it are returned, and the next receive raises the error.
py::list Messenger::receive_available(py::handle channel) {
  return with_errors([&] {
    raise_put_off();
    const ChannelId id = id_of(channel);
    std::vector<Message> taken;  // until they are returned
    py::list all;
    try {
      const std::size_t most = count_next(id);
      taken.reserve(most);
      while (all.size() < most) {
        auto message = next_available(id, all.empty());
        if (!message) break;
        taken.push_back(*std::move(message));
        all.append(payload_of(taken.back(), unpickles_));
      }
    } catch (...) {
      if (is_keyboard_interrupt(std::current_exception())) {
        left_.put_back(std::move(taken));
        throw;
      }
      if (all.empty()) throw;
      left_.put_back(std::move(taken.back()));
    }
    return all;
  });
}

void Messenger::raise_put_off() {
  if (put_off_) std::rethrow_exception(std::exchange(put_off_, nullptr));
}

void Messenger::forget_left() noexcept {
  put_off_ = nullptr;
  left_.clear();
}

py::object Messenger::receive_reply(std::uint64_t id, py::handle timeout) {
  return with_errors([&] {
    raise_put_off();
    const Timeout time = timeout_of(timeout);
    std::optional<Message> message = left_.take_reply_to(id);
    if (!message) {
      const Use use(*this, Turn::Kind::wait);
      message = use.run(time, [&](Timeout left) { return use->receive_reply(coproc::RequestId{id}, left); });
    }
    return payload_or_put_back(*std::move(message));
  });
}

py::object Messenger::receive_next_reply(py::handle channel, py::handle timeout) {
  return with_errors([&] {
    Received received = receive_next_reply_message(channel, timeout);
    return payload_or_put_back(std::move(received.message));
  });
}

Received Messenger::receive_next_reply_message(py::handle channel, py::handle timeout) {
  return with_errors([&] {
    raise_put_off();
    const Timeout time = timeout_of(timeout);
    const ChannelId id = id_of(channel);
    std::optional<Message> message = left_.take_reply(id);
    if (!message) {
      const Use use(*this, Turn::Kind::wait);
      message = use.run(time, [&](Timeout left) {
        auto replies = use->receive_remaining<Message>(id, left);
        const auto at = replies.begin();
        if (at == replies.end()) {
          throw coproc::NoRequestError("no reply can come on channel " + id.describe() +
                                       ": every request of it is answered");
        }
        return std::optional<Message>(std::move(*at));
      });
    }
    return Received{*std::move(message), py::reinterpret_borrow<py::object>(channel), unpickles_};
  });
}

// ---- looking ----

/// If there is no message, this raises what a receive would raise, such as the death of the other side. The link's
/// memory alone does not show that. If another thread waits, it notices that itself, and a message that is taken here
/// would be hidden from it.
std::size_t Messenger::available(py::handle channel) {
  return with_errors([&]() -> std::size_t {
    const ChannelId id = id_of(channel);
    const Use use(*this);
    if (const std::size_t left = left_.count(id)) return left + use->queued(id);
    if (const std::size_t count = use->available(id)) return count;
    raise_put_off();
    if (turn_.has_other_waiter()) return 0;
    auto message = next_in(use, id);
    if (!message) return 0;
    left_.put_back(*std::move(message));
    return 1 + use->queued(id);
  });
}
std::size_t Messenger::queued(py::handle channel) {
  if (link_ == nullptr) return 0;
  const ChannelId id = id_of(channel);
  return Use(*this)->queued(id) + left_.count(id);
}
std::size_t Messenger::remaining(py::handle channel) {
  return counts(channel).remaining() + left_.count_replies(id_of(channel));
}
coproc::ChannelCounts Messenger::counts(py::handle channel) {
  if (link_ == nullptr) return {};
  const ChannelId id = id_of(channel);
  return Use(*this)->counts(id);
}
/// As available(), for any channel; the next receive raises what is to be raised.
bool Messenger::has_work() {
  const Use use(*this);
  coproc::Messenger* const one[] = {&use.link()};
  if (has_left() || use.at_once([&] { return coproc::wait_any(one, kAtOnce); })) return true;
  if (turn_.has_other_waiter()) return false;
  try {
    if (auto message = next_in(use)) left_.put_back(*std::move(message));
  } catch (...) {
    put_off_ = std::current_exception();
  }
  return has_left();
}

void Messenger::await_available(py::handle timeout) {
  with_errors([&] {
    raise_put_off();
    if (has_left()) return;
    const Timeout time = timeout_of(timeout);
    const Use use(*this, Turn::Kind::wait);
    coproc::Messenger* const one[] = {&use.link()};
    if (use.run(time, [&](Timeout left) { return coproc::wait_any(one, left); }) == std::nullopt && !has_work())
      throw coproc::TimeoutError("no message came in this time");
    raise_put_off();
    if (has_left()) return;
    // An error, a close request or the other side's end is raised; a message is left for the receive of its channel.
    try {
      if (auto message = next_in(use)) left_.put_back(*std::move(message));
    } catch (const coproc::LinkClosedError&) {  // WorkerDiedError is one
      if (!has_queued()) throw;
    }
  });
}

bool Messenger::has_queued() {
  return std::any_of(channels_.begin(), channels_.end(), [&](py::handle channel) { return queued(channel) != 0; });
}

Received Messenger::pop_from_queue(py::handle channel) {
  if (queued(channel) == 0)
    throw py::index_error("pop_from_queue: no message of this channel was taken from the link: ask available() first");
  return receive_message(channel, py::float_(0.0));
}
bool Messenger::close_requested() { return link().close_requested(); }
void Messenger::interrupt() {
  coproc::Messenger& link = this->link();
  is_interrupted_ = true;
  link.interrupt();
}
int Messenger::native_handle() { return Use(*this)->native_handle(); }

}  // namespace coproc_python
