#include "messenger.hpp"

#include <unistd.h>
#include <coproc/errors.hpp>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>

#include "arguments.hpp"
#include "errors.hpp"
#include "options.hpp"
#include "pickling.hpp"

namespace coproc_python {

using coproc::ChannelId;
using coproc::Message;
using coproc::SendOptions;
using coproc::Timeout;

namespace {

constexpr Timeout kAtOnce = std::chrono::seconds(0);
/// So often it is looked whether a worker that has ended can be started again.
constexpr std::chrono::nanoseconds kLookAgain = std::chrono::milliseconds(20);

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

// ---- the link ----

coproc::Messenger& Messenger::link() {
  if (link_ != nullptr) return *link_;
  if (held_ == nullptr) {
    throw coproc::LinkClosedError("this messenger has no link any more: it was closed, or passed to another process");
  }
  const auto held = std::move(held_);
  held_.reset();
  // If this process is a fork, it has both ends of the pair. If it kept the other one, nobody would notice the end of
  // the process that has it.
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
  } catch (...) {  // it is no channel
    if (PySet_Discard(channels_.ptr(), channel.ptr()) < 0) PyErr_Clear();
    throw;
  }
}

coproc::Messenger* Messenger::Use::begin() const {
  messenger_.turn_.begin(kind_, [this] {
    if (messenger_.link_ != nullptr && !messenger_.is_link_replaced_) messenger_.link_->interrupt();
  });
  try {
    coproc::Messenger* const link = &messenger_.link();
    messenger_.cancel_abandoned();
    return link;
  } catch (...) {
    messenger_.turn_.end(kind_);
    throw;
  }
}

/// Lets other threads have their turn, and returns the time that is left.
Timeout Messenger::Use::let_others_in(Timeout time, std::chrono::steady_clock::time_point began) const {
  if (messenger_.turn_.is_wanted() && !messenger_.is_in_interlude_) messenger_.turn_.step_aside();
  if (messenger_.link_ != link_) throw coproc::LinkClosedError("this messenger was closed while a thread waited in it");
  messenger_.cancel_abandoned();
  if (time.ns == coproc::kForever.ns) return time;
  return std::max(std::chrono::nanoseconds(0), time.ns - (std::chrono::steady_clock::now() - began));
}

Messenger::Interlude::Interlude(Messenger& messenger, bool replaces_link) noexcept
    : messenger_(messenger), was_asleep_(messenger.turn_.is_asleep()) {
  messenger_.turn_.set_asleep(false);
  messenger_.is_in_interlude_ = true;
  messenger_.is_link_replaced_ = replaces_link;
}

Messenger::Interlude::~Interlude() {
  messenger_.turn_.set_asleep(was_asleep_);
  messenger_.is_in_interlude_ = false;
  if (!std::exchange(messenger_.is_link_replaced_, false)) return;
  const bool has_to_cancel = !messenger_.abandoned_.empty();
  if (messenger_.link_ != nullptr && (messenger_.is_interrupted_ || has_to_cancel)) messenger_.link_->interrupt();
}

void Messenger::close() {
  if (!turn_.is_free()) {
    throw coproc::ConcurrentUseError("close: another thread waits in this messenger: interrupt() it first");
  }
  lose_streams();
  if (held_ != nullptr) held_->end.close();
  held_.reset();
  link_ = nullptr;
  owned_.emplace<std::monostate>();
  keeper_.reset();
}

void Messenger::leave() noexcept {
  if (link_ == nullptr) return;  // the target has closed it
  coproc::Messenger& link = *std::exchange(link_, nullptr);
  while (!turn_.is_free()) {
    link.interrupt();  // ends one wait
    const Unlocked unlocked;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  lose_streams();
}

// ---- receiving ----

/// Returns a message that has arrived by now.
std::optional<Message> Messenger::next_in(const Use& use, const ChannelId& channel) {
  return use.at_once([&] { return use->receive_for<Message>(channel, kAtOnce); });
}

/// The first attempt keeps the interpreter's lock, since releasing it takes longer.
Message Messenger::wait_for_message(py::handle channel, py::handle timeout) {
  const Timeout time = timeout_of(timeout);
  const ChannelId id = id_of(channel);  // a copy: the reference is valid only until another thread runs
  const Use use(*this, Turn::Kind::wait);
  auto message = next_in(use, id);
  if (message) return *std::move(message);
  if (time.ns.count() != 0) {
    message = use.run(time, [&](Timeout left) { return use->receive_for<Message>(id, left); });
  }
  if (!message) throw coproc::TimeoutError("no message of channel " + id.describe() + " came in this time");
  return *std::move(message);
}

/// Puts back messages in the order in which they were received. While an exception is being raised, another Ctrl-C
/// changes nothing.
void Messenger::put_back(std::span<Message> messages) {
  for (;;) {
    try {
      const Use use(*this);
      for (auto message = messages.rbegin(); message != messages.rend(); ++message) use->put_back(std::move(*message));
      return;
    } catch (const coproc::Error&) {
      return;  // the link has been closed or opened anew meanwhile, and its messages with it
    } catch (py::error_already_set& error) {
      if (!error.matches(PyExc_KeyboardInterrupt)) throw;
    }
  }
}

/// The payload is unpickled after the receive has ended, so that its code may use the messenger. If Ctrl-C ends the
/// unpickling, the message is put back.
py::object Messenger::payload_or_put_back(Message message) {
  try {
    return payload_of(message, unpickles_, refusal_);
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_KeyboardInterrupt)) put_back({&message, 1});
    throw;
  }
}

py::object Messenger::receive(py::handle channel, py::handle timeout) {
  return with_errors([&] { return payload_or_put_back(wait_for_message(channel, timeout)); });
}

Received Messenger::receive_message(py::handle channel, py::handle timeout) {
  return with_errors([&] {
    return Received{wait_for_message(channel, timeout), py::reinterpret_borrow<py::object>(channel), unpickles_,
                    refusal_};
  });
}

Received Messenger::receive_any(const py::iterable& channel_ids, py::handle timeout) {
  return with_errors([&]() -> Received {
    const Timeout time = timeout_of(timeout);
    if (py::isinstance<py::str>(channel_ids)) throw py::type_error("receive_any: give a list of channels, not a text");
    std::vector<py::object> channels;
    std::vector<ChannelId> ids;
    for (const py::handle channel : channel_ids) {
      channels.push_back(py::reinterpret_borrow<py::object>(channel));
      ids.push_back(id_of(channel));
    }
    if (ids.empty()) throw coproc::InvalidArgumentError("receive_any: give one channel at least");
    const Use use(*this, Turn::Kind::wait);
    auto message = use.run(time, [&](Timeout left) { return use->receive_any(ids, left); });
    if (!message) throw coproc::TimeoutError("no message of these channels came in this time");
    std::size_t index = 0;
    while (!(ids[index] == message->channel())) ++index;
    return {*std::move(message), channels[index], unpickles_, refusal_};
  });
}

py::object Messenger::try_receive(py::handle channel, bool as_message) {
  return with_errors([&]() -> py::object {
    std::optional<Message> message = try_next(id_of(channel));
    if (!message) return py::none();
    if (!as_message) return py::make_tuple(payload_or_put_back(*std::move(message)));
    return py::cast(Received{*std::move(message), py::reinterpret_borrow<py::object>(channel), unpickles_, refusal_});
  });
}

/// For callers that wait for more by other means. If nothing more can arrive, this raises the reason, even if other
/// channels still hold messages.
std::optional<Message> Messenger::try_next(const ChannelId& channel) {
  const Use use(*this);
  auto message = next_in(use, channel);
  if (message || !use->end_received()) return message;
  return use.at_once([&] { return use->receive_for<Message>(channel, std::chrono::seconds(1)); });
}

/// Returns all messages that have arrived. If there are none, this raises what a wait would raise, such as the death of
/// the other side.
std::vector<Message> Messenger::all_available(const ChannelId& channel) {
  const Use use(*this);
  std::vector<Message> all = use.at_once([&] { return use->receive_available<Message>(channel); });
  if (all.empty()) {
    if (auto message = next_in(use, channel)) all.push_back(*std::move(message));
  }
  return all;
}

py::list Messenger::receive_available_messages(py::handle channel) {
  return with_errors([&] {
    py::list all;
    for (Message& message : all_available(id_of(channel))) {
      all.append(Received{std::move(message), py::reinterpret_borrow<py::object>(channel), unpickles_, refusal_});
    }
    return all;
  });
}

/// Stops before a message that cannot be unpickled. If that is the first one, it is consumed and its error is raised.
/// After Ctrl-C nothing is consumed.
py::list Messenger::receive_available(py::handle channel) {
  return with_errors([&] {
    std::vector<Message> taken = all_available(id_of(channel));
    const std::span messages(taken);
    py::list all;
    try {
      for (const Message& message : messages) all.append(payload_of(message, unpickles_, refusal_));
    } catch (...) {
      const bool is_ctrl_c = is_keyboard_interrupt(std::current_exception());
      const std::size_t kept = is_ctrl_c ? 0 : std::max<std::size_t>(1, all.size());
      put_back(messages.subspan(kept));
      if (is_ctrl_c || all.empty()) throw;
    }
    return all;
  });
}

void Messenger::keep_latest(py::handle channel) {
  const ChannelId id = id_of(channel);
  Use(*this)->keep_latest(id);
}

// ---- looking ----

/// If there is no message, this raises what a receive would raise, such as the death of the other side. The link's
/// memory alone does not show that. If another thread waits, it notices that itself.
std::size_t Messenger::available(py::handle channel) {
  return with_errors([&]() -> std::size_t {
    const ChannelId id = id_of(channel);
    const Use use(*this);
    if (const std::size_t count = use->available(id)) return count;
    if (turn_.has_other_waiter()) return 0;
    look_by_receiving(use, id);
    return use->queued(id);
  });
}
std::size_t Messenger::queued(py::handle channel) {
  if (link_ == nullptr) return 0;
  const ChannelId id = id_of(channel);
  return Use(*this)->queued(id);
}
std::size_t Messenger::remaining(py::handle channel) { return counts(channel).remaining(); }
coproc::ChannelCounts Messenger::counts(py::handle channel) {
  if (link_ == nullptr) return {};
  const ChannelId id = id_of(channel);
  return Use(*this)->counts(id);
}
bool Messenger::has_work() {
  const Use use(*this);
  coproc::Messenger* const one[] = {&use.link()};
  return use.at_once([&] { return coproc::wait_any(one, kAtOnce); }).has_value();
}

void Messenger::look_by_receiving(const Use& use, const ChannelId& channel) {
  if (auto message = next_in(use, channel)) use->put_back(*std::move(message));
}

void Messenger::await_available(py::handle timeout) {
  with_errors([&] {
    const Timeout time = timeout_of(timeout);
    const Use use(*this, Turn::Kind::wait);
    coproc::Messenger* const one[] = {&use.link()};
    const auto begin = std::chrono::steady_clock::now();
    const auto left_of_time = [&]() -> Timeout {
      return time.ns == coproc::kForever.ns ? time : Timeout(time.ns - (std::chrono::steady_clock::now() - begin));
    };
    for (;;) {
      if (!use.run(left_of_time(), [&](Timeout left) { return coproc::wait_any(one, left); }))
        throw coproc::TimeoutError("no message came in this time");
      // An error, a close request or the end of the other side is raised. A message stays for the receive of its
      // channel.
      try {
        look_by_receiving(use, {});
      } catch (const coproc::LinkClosedError&) {  // WorkerDiedError is one
        if (!has_queued()) throw;
      }
      if (!awaits_restart() || use->queued({}) != 0 || has_queued()) return;
      // A worker that has ended is no message, and is not started again before its time.
      if (left_of_time().ns.count() == 0) throw coproc::TimeoutError("no message came in this time");
      use.run(std::min(left_of_time().ns, kLookAgain), [&](Timeout left) { std::this_thread::sleep_for(left.ns); });
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
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
bool Messenger::makes_place() {
  if (!is_supervised()) return false;
  const Use use(*this);
  return supervision_->makes_place();
}
py::object Messenger::look() {
  if (!is_supervised() || is_closed()) return py::none();
  return with_errors([&] {
    const Use use(*this);
    return seconds(use.run(coproc::kForever, [&](Timeout) { return Timeout(supervision_->look()); }));
  });
}
py::object Messenger::look_if_needed() {
  if (awaits_restart()) return py::float_(std::chrono::duration<double>(kLookAgain).count());
  return is_supervised() && supervision_->watches_health ? look() : py::none();
}
bool Messenger::close_requested() { return !is_link_replaced_ && link().close_requested(); }
void Messenger::interrupt() {
  coproc::Messenger& link = this->link();
  is_interrupted_ = true;
  if (!is_link_replaced_) link.interrupt();
}
int Messenger::native_handle() { return Use(*this)->native_handle(); }

}  // namespace coproc_python
