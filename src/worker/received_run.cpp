#include "worker/received_run.hpp"

#include <exception>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "coproc/codec.hpp"
#include "coproc/errors.hpp"
#include "link/link.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "process/start_stage.hpp"
#include "worker/link_end.hpp"
#include "worker/run_request.hpp"
#include "worker/run_target.hpp"

namespace coproc::inline v0 {

using detail::MessengerAccess;
using process::StartReport;
using process::StartStage;

namespace {

/// Everything that the running target needs. It is in one object, whose address does not change.
struct Received {
  RunRequest request;
  std::unique_ptr<Messenger> host;
  std::vector<Messenger> messengers;
};

/// Opens an end of a link from the next descriptors in `fds`.
std::unique_ptr<link::Link> open_end(const HandedMessenger& handed, std::span<os::Fd>& fds) {
  if (fds.size() < 3) throw StartReport{StartStage::handshake, 0, "the start request came without its links"};
  try {
    auto end = link::open_shm_end(handed.end, std::move(fds[0]), std::move(fds[1]), std::move(fds[2]),
                                  std::chrono::nanoseconds(handed.spin_ns));
    fds = fds.subspan(3);
    return end;
  } catch (const ProtocolError& error) {
    throw StartReport{StartStage::link, 0, error.what()};
  }
}

std::shared_ptr<Received> receive(const process::StartRequest& start, std::vector<os::Fd> come) {
  auto received = std::make_shared<Received>();
  try {
    Decoder decoder(std::as_bytes(std::span(start.payload)), start.payload.size() * 16 + 4096);
    decode_into(decoder, received->request);
    decoder.finish();
  } catch (const DecodeError& error) {
    throw StartReport{StartStage::handshake, 0, std::string("the start request cannot be read: ") + error.what()};
  }
  RunRequest& request = received->request;
  take_given(std::exchange(request.state, std::nullopt), request.own.max_message_bytes);
  std::span<os::Fd> fds(come);
  auto core = make_worker_core(open_end(request.own, fds), limits_of(request.own), request.own.reorders, start.host_pid,
                               request.reports_crashes, request.max_state_bytes);
  if (request.own.reorders) {
    received->host = std::make_unique<PriorityMessenger>(MessengerAccess::make<PriorityMessenger>(std::move(core)));
  } else {
    received->host = std::make_unique<MultiMessenger>(MessengerAccess::make<MultiMessenger>(std::move(core)));
  }
  for (const HandedMessenger& handed : request.messengers) {
    detail::CoreOptions options;
    options.reorders = handed.reorders;
    options.link = limits_of(handed);
    received->messengers.push_back(
        MessengerAccess::make<Messenger>(std::make_unique<detail::Core>(open_end(handed, fds), std::move(options))));
  }
  return received;
}

/// Decodes the arguments and runs the target. No other object keeps the arguments meanwhile.
template <class Run>
int run_received(Received& received, process::Function function, const Run& run) {
  return run_target(
      [&] {
        Decoder decoder(std::as_bytes(std::span(received.request.arguments)), std::numeric_limits<std::size_t>::max());
        detail::ReceivedArguments arguments{decoder, function, received.messengers};
        run(*received.host, arguments);
      },
      *received.host);
}

std::string list_of(const std::vector<ArgumentName>& arguments) {
  std::string text;
  for (const ArgumentName& argument : arguments) text += (text.empty() ? "" : ", ") + argument.description;
  return '(' + text + ')';
}

/// The same for a program that takes arguments of these types. Throws StartReport if others come.
std::shared_ptr<Received> receive_arguments(std::span<const TypeInfo* const> types, const process::StartRequest& start,
                                            std::vector<os::Fd> fds) {
  auto received = receive(start, std::move(fds));
  std::vector<ArgumentName> wanted;
  for (const TypeInfo* type : types) {
    wanted.push_back(type == nullptr ? ArgumentName{0, "messenger"} : ArgumentName{type->id, type->describe()});
  }
  if (wanted != received->request.argument_types) {
    throw StartReport{StartStage::arguments, 0,
                      "its program takes the arguments " + list_of(wanted) + " and was started with " +
                          list_of(received->request.argument_types)};
  }
  return received;
}

}  // namespace

std::function<int()> prepare_named(process::StartRequest& start, std::vector<os::Fd> fds) {
  auto received = receive(start, std::move(fds));
  using Run = void (*)(Messenger&, detail::ReceivedArguments&);
  const auto run = reinterpret_cast<Run>(process::find_code(received->request.run_received));
  const process::CodeRef& name = received->request.function;
  const process::Function function = name.is_null() ? nullptr : process::find_code(name);
  return [received, run, function] { return run_received(*received, function, run); };
}

std::function<int()> prepare_plan(const detail::WorkerPlan& plan, process::StartRequest& start,
                                  std::vector<os::Fd> fds) {
  auto received = receive_arguments(plan.argument_types, start, std::move(fds));
  return [received, plan] {
    return run_received(*received, nullptr, [&](Messenger& messenger, detail::ReceivedArguments& arguments) {
      plan.run(plan.context, messenger, arguments);
    });
  };
}

std::function<int()> prepare_sent(const detail::SentWorker& worker, process::StartRequest& start,
                                  std::vector<os::Fd> fds) {
  const TypeInfo* const type = &type_info<std::string>;
  auto received = receive_arguments({&type, 1}, start, std::move(fds));
  try {
    Decoder decoder(std::as_bytes(std::span(received->request.arguments)), std::numeric_limits<std::size_t>::max());
    const auto sent = decode<std::string>(decoder);
    received->request.arguments = {};  // which may be large, and is not needed any more
    worker.prepare(worker.context, sent);
  } catch (const std::exception& error) {
    throw StartReport{StartStage::arguments, 0, error.what()};
  }
  return
      [received, worker] { return run_target([&] { worker.run(worker.context, *received->host); }, *received->host); };
}

}  // namespace coproc::inline v0
