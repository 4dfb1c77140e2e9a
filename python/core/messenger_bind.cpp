// The names by which Python knows messengers, messages and ends of links.
#include <pybind11/stl.h>
#include <unistd.h>
#include <coproc/errors.hpp>

#include "arguments.hpp"
#include "errors.hpp"
#include "messenger.hpp"
#include "options.hpp"

namespace coproc_python {

namespace {

using namespace pybind11::literals;
using EndPointer = std::shared_ptr<HeldEnd>;

std::pair<EndPointer, EndPointer> new_pair(bool reorders, const coproc::LinkOptions& options) {
  const auto make = [](coproc::Messenger&& messenger) {
    auto held = std::make_shared<HeldEnd>();
    held->end = coproc::LinkEnd(std::move(messenger));
    held->pid = ::getpid();
    return held;
  };
  const auto join = [&](auto ends) {
    std::pair pair(make(std::move(ends.first)), make(std::move(ends.second)));
    pair.first->sibling = pair.second;
    pair.second->sibling = pair.first;
    return pair;
  };
  return reorders ? join(coproc::PriorityMessenger::new_pair(options))
                  : join(coproc::MultiMessenger::new_pair(options));
}

/// Runs the target of a worker in its process, with the messenger that becomes the worker's end.
int run_end(HeldEnd& held, Messenger& messenger, const py::function& target) {
  // An exit is no error of the target's; it goes on when the worker is done.
  std::optional<py::error_already_set> exit;
  const auto call = [&](coproc::Messenger& link) {
    try {
      messenger.use_during(link, target);
    } catch (py::error_already_set& error) {
      if (error.matches(PyExc_SystemExit)) {
        exit.emplace(error);
        return;
      }
      const py::module_ errors = py::module_::import("coproc.errors");
      if (error.matches(errors.attr("ResourceRequestedClose")) || error.matches(errors.attr("HostDiedError"))) return;
      throw escaped_error(error);
    }
  };
  coproc::LinkEnd end = std::move(held.end);
  const int code = messenger.reorders()
                       ? end.run<coproc::PriorityMessenger>([&](coproc::PriorityMessenger& link) { call(link); })
                       : end.run<coproc::MultiMessenger>([&](coproc::MultiMessenger& link) { call(link); });
  messenger.close();
  if (exit) throw py::error_already_set(*exit);
  return code;
}

/// Their turns, given up together.
struct Turns {
  explicit Turns(const py::list& all) {
    for (const py::handle each : all) {
      if (!py::isinstance<Messenger>(each))
        throw py::type_error("wait_any: " + py::repr(each).cast<std::string>() + " is no messenger");
      uses.push_back(std::make_unique<Messenger::Use>(each.cast<Messenger&>(), Turn::Kind::wait));
      links.push_back(&uses.back()->link());
    }
  }
  std::vector<std::unique_ptr<Messenger::Use>> uses;
  std::vector<coproc::Messenger*> links;
};

std::optional<std::size_t> wait_any(const py::iterable& messengers, py::handle timeout) {
  const coproc::Timeout time = timeout_of(timeout);
  const py::list all(messengers);  // kept: a generator's may be nobody else's
  const Turns turns(all);
  if (turns.links.empty()) {
    const Unlocked unlocked;
    coproc::wait_any({}, time);
    return std::nullopt;
  }
  // One of them stands for all where somebody wants a turn.
  return Messenger::Use::run_all(turns.uses, time,
                                 [&](coproc::Timeout left) { return coproc::wait_any(turns.links, left); });
}

py::object payload_once(Received& received) {
  if (received.payload.ptr() != nullptr) return received.payload;
  try {
    received.payload = payload_of(received.message, received.unpickles);
  } catch (const PythonError& error) {
    raise_remote(error, received.unpickles);
  }
  return received.payload;
}

}  // namespace

void bind_link_end(py::module_& module) {
  py::class_<HeldEnd, EndPointer>(module, "LinkEnd",
                                  "An end of a link that nobody has opened: can go to another process.")
      .def(py::init([](const std::vector<int>& fds, const std::string& description) {
        auto held = std::make_shared<HeldEnd>();
        held->end = coproc::LinkEnd(fds, description);
        held->pid = ::getpid();
        return held;
      }))
      .def("fds", [](const HeldEnd& held) { return held.end.fds(); })
      .def("description", [](const HeldEnd& held) { return py::bytes(held.end.description()); })
      .def("close", [](HeldEnd& held) { held.end.close(); })
      .def("__bool__", [](const HeldEnd& held) { return static_cast<bool>(held.end); })
      .def("run", &run_end);
  module.def("new_pair", &new_pair);
  module.def("wait_any", &wait_any, "messengers"_a, "timeout"_a = py::none());
}

void bind_messenger(py::module_& module) {
  py::class_<Received>(module, "DataMessage", "A received message.")
      .def_property_readonly("payload", &payload_once,
                             "What was sent. Raises what the peer's code raised, where the reply is an error.")
      .def_property_readonly("channel_id", [](const Received& received) { return received.channel; })
      .def_property_readonly(
          "priority", [](const Received& received) { return received.message.priority(); },
          "The sender's number; minus infinity without one.")
      .def_property_readonly(
          "request_id",
          [](const Received& received) -> std::optional<std::uint64_t> {
            const auto id = received.message.request_id();
            return id ? std::optional(static_cast<std::uint64_t>(*id)) : std::nullopt;
          },
          "Of requests and replies: what `send_request` returned; else None.")
      .def_property_readonly("is_reply", [](const Received& received) { return received.message.is_reply(); })
      .def_property_readonly(
          "request_reply",
          [](const Received& received) {
            return received.message.request_id().has_value() && !received.message.is_reply();
          },
          "Whether it is a request.")
      .def_property_readonly(
          "mtype",
          [](const Received&) {
            return py::module_::import("coproc.messenger.messages").attr("MessageType").attr("DATA_PAYLOAD");
          },
          "A name of the old package: MessageType.DATA_PAYLOAD, always.")
      .def("__repr__", [](Received& received) {
        return py::str("DataMessage(payload={!r}, request_reply={}, is_reply={}, channel_id={!r})")
            .format(received.message.error() ? py::object(py::str("an error")) : payload_once(received),
                    received.message.request_id().has_value() && !received.message.is_reply(),
                    received.message.is_reply(), received.channel);
      });

  const auto none = py::none();
  const auto send_as = [](Messenger::Send what) {
    return [what](Messenger& self, py::object data, py::object channel, py::object timeout, py::object priority) {
      return self.send(what, data, channel, timeout, priority);
    };
  };
  const auto send_nothing_back = [](Messenger::Send what) {
    return [what](Messenger& self, py::object data, py::object channel, py::object timeout, py::object priority) {
      self.send(what, data, channel, timeout, priority);
    };
  };
  py::class_<Messenger>(module, "Messenger")
      .def(py::init<bool, bool>())
      .def("_hold", &Messenger::hold)
      .def_property_readonly("_held", &Messenger::held)
      .def_property_readonly("_channels", &Messenger::channels)
      .def_property_readonly(
          "codec", [](const Messenger& self) { return self.unpickles() ? "pickle" : "msgpack"; },
          "'pickle', or 'msgpack': then it sends only what other languages know, and unpickles nothing.")
      .def(
          "send_norequest", send_nothing_back(Messenger::Send::norequest), "data"_a, "channel_id"_a = none,
          py::kw_only(), "timeout"_a = none, "priority"_a = none,
          "Send data that expects no reply.\n\n"
          "Returns when the other side can see it. A send that raises has sent nothing. Waits while the link is full,\n"
          "`timeout` seconds at most: TimeoutError. `priority`: instead of the data's own attribute.")
      .def("send_request", send_as(Messenger::Send::request), "data"_a, "channel_id"_a = none, py::kw_only(),
           "timeout"_a = none, "priority"_a = none,
           "Send data that expects a reply; counted in remaining() until that is received. Returns the request's id.")
      .def("send_reply", send_nothing_back(Messenger::Send::reply), "data"_a, "channel_id"_a = none, py::kw_only(),
           "timeout"_a = none, "priority"_a = none,
           "Answer the request of this channel that was received longest ago and is still unanswered.")
      .def("send_request_multiple", &Messenger::send_requests, "datas"_a, "channel_id"_a = none, py::kw_only(),
           "timeout"_a = none, "priority"_a = none, "One request for each; returns their ids. The timeout is for each.")
      .def("send_request_multiple", &Messenger::send_requests, "data"_a, "channel_id"_a = none, py::kw_only(),
           "timeout"_a = none, "priority"_a = none)  // its name in older versions of the package
      .def("try_send", &Messenger::try_send, "data"_a, "channel_id"_a = none, py::kw_only(), "priority"_a = none,
           "Send data if there is space for it now; False: there was none.")
      .def("reply_to", &Messenger::reply_to, "request"_a, "data"_a, py::kw_only(), "timeout"_a = none,
           "priority"_a = none, "Answer this request, a DataMessage. NoRequestError if it is none, or is answered.")
      .def("reply_error_to", &Messenger::reply_error_to, "request"_a, "exception"_a, py::kw_only(), "timeout"_a = none,
           "Fail just this request: who receives its reply gets the exception raised.")
      .def("_send_error", &Messenger::send_error)
      .def("send_close_request", &Messenger::send_close_request,
           "Ask the other side to close: its next receive raises ResourceRequestedClose. Never waits; overtakes what "
           "is queued.")
      .def("send_end", &Messenger::send_end, py::kw_only(), "timeout"_a = none,
           "Say, behind all that was sent, that nothing follows: the other side receives that, and then its receives "
           "raise EndOfMessages.\n\n"
           "Sends raise LinkClosedError from then on; receives go on. A second time it does nothing.")
      .def("_send_task", &Messenger::send_task, "data"_a, "timeout"_a = none)
      .def("_lend", &Messenger::lend)
      .def("_set_main_names", &Messenger::set_main_names)
      .def("receive_blocking", &Messenger::receive, "channel_id"_a = none, py::kw_only(), "timeout"_a = none,
           "Wait for a message of this channel and return its data: the best one by priority.\n\n"
           "Raises TimeoutError after `timeout` seconds, what the other side sent by send_error, "
           "ResourceRequestedClose, and\n"
           "WorkerDiedError, HostDiedError or PeerClosedError when the other side is gone and nothing is left to "
           "receive.")
      .def("receive_message_blocking", &Messenger::receive_message, "channel_id"_a = none, py::kw_only(),
           "timeout"_a = none, "The same; returns the DataMessage.")
      .def("receive_any", &Messenger::receive_any, "channel_ids"_a, py::kw_only(), "timeout"_a = none,
           "Wait for the best message of several channels; returns the DataMessage.")
      .def(
          "receive_available", &Messenger::receive_available, "channel_id"_a = none,
          "The data of all messages of this channel that have come, best first; an empty list: none. Does not wait.\n\n"
          "Raises WorkerDiedError, HostDiedError or PeerClosedError when the other side is gone and nothing is left.")
      .def("receive_available_messages", &Messenger::receive_available_messages, "channel_id"_a = none,
           "The same as DataMessages.")
      .def("receive_reply", &Messenger::receive_reply, "request_id"_a, py::kw_only(), "timeout"_a = none,
           "Wait for the reply to this request, whatever else comes.")
      .def("_receive_next_reply", &Messenger::receive_next_reply)
      .def("_receive_next_reply_message", &Messenger::receive_next_reply_message)
      .def("_try_receive", &Messenger::try_receive)
      .def("available", &Messenger::available, "channel_id"_a = none,
           "How many messages of this channel could be received now. Looks what has come, without waiting.\n\n"
           "Where there is none, it raises what a receive would: an error of the other side, its close request, its "
           "end.")
      .def(
          "await_available", &Messenger::await_available, py::kw_only(), "timeout"_a = none,
          "Wait until a message of any channel is there, and leave it there.\n\n"
          "Returns at once while one is unread. Raises what a receive would, and TimeoutError after `timeout` seconds.")
      .def("pop_from_queue", &Messenger::pop_from_queue, "channel_id"_a = none,
           "The best message of this channel that was taken from the link and waits here, a DataMessage. IndexError: "
           "there is none.")
      .def("queue_size", &Messenger::queued, "channel_id"_a = none,
           "How many messages of this channel were taken from the link and wait here. Looks for no others.")
      .def("remaining", &Messenger::remaining, "channel_id"_a = none,
           "How many requests of this channel have no reply yet.")
      .def(
          "requests_sent", [](Messenger& self, py::object channel) { return self.counts(channel).requests; },
          "channel_id"_a = none, "Requests sent on this channel.")
      .def(
          "replies_received", [](Messenger& self, py::object channel) { return self.counts(channel).replies; },
          "channel_id"_a = none, "Replies received on this channel.")
      .def(
          "messages_sent", [](Messenger& self, py::object channel) { return self.counts(channel).sent; },
          "channel_id"_a = none, "Messages sent on this channel, requests and replies among them.")
      .def(
          "messages_received", [](Messenger& self, py::object channel) { return self.counts(channel).received; },
          "channel_id"_a = none, "Messages received on this channel, replies among them.")
      .def("pipe_poll", &Messenger::has_work, "Whether something can be received or raised now.")
      .def("fileno", &Messenger::native_handle,
           "A descriptor for select, poll and event loops: readable while something can be received, or the other side "
           "is gone.")
      .def("interrupt", &Messenger::interrupt,
           "From any thread: the wait that is under way, or else the next one, raises InterruptedError.")
      .def("close", &Messenger::close,
           "Let go of the link: the other side gets PeerClosedError. Also in a process that has passed it to another "
           "one.")
      .def_property_readonly("closed", &Messenger::is_closed)
      .def_property_readonly("close_requested", &Messenger::close_requested,
                             "Whether the other side has asked this one to close.");
}

}  // namespace coproc_python
