// Binds messengers, messages and ends of links to their Python names.
#include <pybind11/stl.h>
#include <unistd.h>
#include <coproc/errors.hpp>

#include "arguments.hpp"
#include "errors.hpp"
#include "messenger.hpp"
#include "messenger_docs.hpp"
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
  std::optional<py::error_already_set> exit;
  const auto call = [&](coproc::Messenger& link) { call_target([&] { messenger.use_during(link, target); }, exit); };
  coproc::LinkEnd end = std::move(held.end);
  const int code = messenger.reorders()
                       ? end.run<coproc::PriorityMessenger>([&](coproc::PriorityMessenger& link) { call(link); })
                       : end.run<coproc::MultiMessenger>([&](coproc::MultiMessenger& link) { call(link); });
  messenger.close();
  if (exit) throw py::error_already_set(*exit);
  return code;
}

/// The turns in several messengers, which are given up together.
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
  const py::list all(messengers);  // kept, since nobody else may keep what a generator yields
  const Turns turns(all);
  if (turns.links.empty()) {
    const Unlocked unlocked;
    coproc::wait_any({}, time);
    return std::nullopt;
  }
  // A thread that wants a turn interrupts one of the messengers, which ends the wait for all.
  return Messenger::Use::run_all(turns.uses, time,
                                 [&](coproc::Timeout left) { return coproc::wait_any(turns.links, left); });
}

py::object payload_once(Received& received) {
  if (received.payload.ptr() != nullptr) return received.payload;
  try {
    received.payload = payload_of(received.message, received.unpickles, received.refusal);
  } catch (const PythonError& error) {
    raise_remote(error, received.unpickles);
  }
  return received.payload;
}

}  // namespace

void bind_link_end(py::module_& module) {
  py::class_<HeldEnd, EndPointer>(module, "LinkEnd", docs::kLinkEnd.c_str())
      .def(py::init([](const std::vector<int>& fds, const std::string& description) {
        auto held = std::make_shared<HeldEnd>();
        held->end = coproc::LinkEnd(fds, description);
        held->pid = ::getpid();
        return held;
      }))
      .def("fds", [](const HeldEnd& held) { return held.end.fds(); })
      .def("description", [](const HeldEnd& held) { return py::bytes(held.end.description()); })
      .def("close", [](HeldEnd& held) { held.end.close(); })
      .def("redirect_stderr", [](HeldEnd& held) { held.end.redirect_stderr(); })
      .def("enter_control_group", [](HeldEnd& held) { held.end.enter_control_group(); })
      .def("__bool__", [](const HeldEnd& held) { return static_cast<bool>(held.end); })
      .def("run", &run_end);
  module.def("new_pair", &new_pair);
  module.def("wait_any", &wait_any, "messengers"_a, "timeout"_a = py::none(), docs::kWaitAny.c_str());
}

void bind_messenger(py::module_& module) {
  py::class_<Received>(module, "DataMessage", docs::kDataMessage.c_str())
      .def_property_readonly("payload", &payload_once, docs::kPayload.c_str())
      .def_property_readonly(
          "channel_id", [](const Received& received) { return received.channel; }, docs::kChannelId.c_str())
      .def_property_readonly(
          "priority", [](const Received& received) { return received.message.priority(); },
          docs::kMessagePriority.c_str())
      .def_property_readonly(
          "request_id",
          [](const Received& received) -> std::optional<std::uint64_t> {
            const auto id = received.message.request_id();
            return id ? std::optional(static_cast<std::uint64_t>(*id)) : std::nullopt;
          },
          docs::kRequestId.c_str())
      .def_property_readonly(
          "is_reply", [](const Received& received) { return received.message.is_reply(); }, docs::kIsReply.c_str())
      .def_property_readonly(
          "request_reply",
          [](const Received& received) {
            return received.message.request_id().has_value() && !received.message.is_reply();
          },
          docs::kRequestReply.c_str())
      .def_property_readonly(
          "mtype",
          [](const Received&) {
            return py::module_::import("coproc.messenger.messages").attr("MessageType").attr("DATA_PAYLOAD");
          },
          docs::kMtype.c_str())
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
  py::class_<Messenger>(module, "Messenger", docs::kMessenger.c_str())
      .def(py::init<bool, bool>())
      .def("_hold", &Messenger::hold)
      .def_property_readonly("_held", &Messenger::held)
      .def_property_readonly("_channels", &Messenger::channels)
      .def("_set_refusal", &Messenger::set_refusal)
      .def_property_readonly(
          "codec", [](const Messenger& self) { return self.unpickles() ? "pickle" : "msgpack"; }, docs::kCodec.c_str())
      .def("send_norequest", send_nothing_back(Messenger::Send::norequest), "data"_a, "channel_id"_a = none,
           py::kw_only(), "timeout"_a = none, "priority"_a = none, docs::kSendNorequest.c_str())
      .def("send_request", send_as(Messenger::Send::request), "data"_a, "channel_id"_a = none, py::kw_only(),
           "timeout"_a = none, "priority"_a = none, docs::kSendRequest.c_str())
      .def("send_reply", send_nothing_back(Messenger::Send::reply), "data"_a, "channel_id"_a = none, py::kw_only(),
           "timeout"_a = none, "priority"_a = none, docs::kSendReply.c_str())
      .def("send_request_multiple", &Messenger::send_requests, "datas"_a, "channel_id"_a = none, py::kw_only(),
           "timeout"_a = none, "priority"_a = none, docs::kSendRequestMultiple.c_str())
      .def("send_request_multiple", &Messenger::send_requests, "data"_a, "channel_id"_a = none, py::kw_only(),
           "timeout"_a = none, "priority"_a = none)  // the parameter's name in older versions of the package
      .def("try_send", &Messenger::try_send, "data"_a, "channel_id"_a = none, py::kw_only(), "priority"_a = none,
           docs::kTrySend.c_str())
      .def("try_send_request", &Messenger::try_send_request, "data"_a, "channel_id"_a = none, py::kw_only(),
           "priority"_a = none, docs::kTrySendRequest.c_str())
      .def("reply_to", &Messenger::reply_to, "request"_a, "data"_a, py::kw_only(), "timeout"_a = none,
           "priority"_a = none, docs::kReplyTo.c_str())
      .def("save", &Messenger::save, "state"_a, py::kw_only(), "timeout"_a = none, docs::kSave.c_str())
      .def("save_and_reply", &Messenger::save_and_reply, "state"_a, "data"_a, "channel_id"_a = none, py::kw_only(),
           "timeout"_a = none, "priority"_a = none, docs::kSaveAndReply.c_str())
      .def("save_and_reply_to", &Messenger::save_and_reply_to, "state"_a, "request"_a, "data"_a, py::kw_only(),
           "timeout"_a = none, "priority"_a = none, docs::kSaveAndReplyTo.c_str())
      .def("reply_error_to", &Messenger::reply_error_to, "request"_a, "exception"_a, py::kw_only(), "timeout"_a = none,
           docs::kReplyErrorTo.c_str())
      .def("reply_part_to", &Messenger::reply_part_to, "request"_a, "data"_a, py::kw_only(), "timeout"_a = none,
           docs::kReplyPartTo.c_str())
      .def("try_reply_part_to", &Messenger::try_reply_part_to, "request"_a, "data"_a, docs::kTryReplyPartTo.c_str())
      .def("end_reply_to", &Messenger::end_reply_to, "request"_a, py::kw_only(), "timeout"_a = none,
           docs::kEndReplyTo.c_str())
      .def("_send_error", &Messenger::send_error)
      .def("send_close_request", &Messenger::send_close_request, docs::kSendCloseRequest.c_str())
      .def("send_end", &Messenger::send_end, py::kw_only(), "timeout"_a = none, docs::kSendEnd.c_str())
      .def("_lend", &Messenger::lend)
      .def("_set_main_names", &Messenger::set_main_names)
      .def("_awaits_restart", &Messenger::awaits_restart)
      .def("_makes_place", &Messenger::makes_place)
      .def("_look", &Messenger::look)
      .def("_look_if_needed", &Messenger::look_if_needed)
      .def_property_readonly("_is_supervised", &Messenger::is_supervised)
      .def("receive_blocking", &Messenger::receive, "channel_id"_a = none, py::kw_only(), "timeout"_a = none,
           docs::kReceiveBlocking.c_str())
      .def("receive_message_blocking", &Messenger::receive_message, "channel_id"_a = none, py::kw_only(),
           "timeout"_a = none, docs::kReceiveMessageBlocking.c_str())
      .def("receive_any", &Messenger::receive_any, "channel_ids"_a, py::kw_only(), "timeout"_a = none,
           docs::kReceiveAny.c_str())
      .def("receive_available", &Messenger::receive_available, "channel_id"_a = none, docs::kReceiveAvailable.c_str())
      .def("receive_available_messages", &Messenger::receive_available_messages, "channel_id"_a = none,
           docs::kReceiveAvailableMessages.c_str())
      .def("receive_reply", &Messenger::receive_reply, "request_id"_a, py::kw_only(), "timeout"_a = none,
           docs::kReceiveReply.c_str())
      .def("discard_reply", &Messenger::discard_reply, "request_id"_a, docs::kDiscardReply.c_str())
      .def("keep_latest", &Messenger::keep_latest, "channel_id"_a = none, docs::kKeepLatest.c_str())
      .def("call", &Messenger::call, "data"_a, "channel_id"_a = none, py::kw_only(), "timeout"_a = none,
           docs::kCall.c_str())
      .def("_receive_next_reply", &Messenger::receive_next_reply)
      .def("_receive_next_reply_message", &Messenger::receive_next_reply_message)
      .def("_try_receive", &Messenger::try_receive)
      .def("_try_receive_reply", &Messenger::try_receive_reply)
      .def("_try_receive_next_reply", &Messenger::try_receive_next_reply)
      .def("available", &Messenger::available, "channel_id"_a = none, docs::kAvailable.c_str())
      .def("await_available", &Messenger::await_available, py::kw_only(), "timeout"_a = none,
           docs::kAwaitAvailable.c_str())
      .def("pop_from_queue", &Messenger::pop_from_queue, "channel_id"_a = none, docs::kPopFromQueue.c_str())
      .def("queue_size", &Messenger::queued, "channel_id"_a = none, docs::kQueueSize.c_str())
      .def("remaining", &Messenger::remaining, "channel_id"_a = none, docs::kRemaining.c_str())
      .def(
          "requests_sent", [](Messenger& self, py::object channel) { return self.counts(channel).requests; },
          "channel_id"_a = none, docs::kRequestsSent.c_str())
      .def(
          "replies_received", [](Messenger& self, py::object channel) { return self.counts(channel).replies; },
          "channel_id"_a = none, docs::kRepliesReceived.c_str())
      .def(
          "messages_sent", [](Messenger& self, py::object channel) { return self.counts(channel).sent; },
          "channel_id"_a = none, docs::kMessagesSent.c_str())
      .def(
          "messages_received", [](Messenger& self, py::object channel) { return self.counts(channel).received; },
          "channel_id"_a = none, docs::kMessagesReceived.c_str())
      .def(
          "messages_replaced", [](Messenger& self, py::object channel) { return self.counts(channel).replaced; },
          "channel_id"_a = none, docs::kMessagesReplaced.c_str())
      .def("pipe_poll", &Messenger::has_work, docs::kPipePoll.c_str())
      .def("fileno", &Messenger::native_handle, docs::kFileno.c_str())
      .def("interrupt", &Messenger::interrupt, docs::kInterrupt.c_str())
      .def("close", &Messenger::close, "Give up the link.")
      .def_property_readonly("closed", &Messenger::is_closed, docs::kClosed.c_str())
      .def_property_readonly("close_requested", &Messenger::close_requested, docs::kCloseRequested.c_str());
}

}  // namespace coproc_python
