#include "worker/run_request.hpp"

#include <memory>
#include <span>
#include <utility>

#include "coproc/codec.hpp"
#include "coproc/errors.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "worker/link_end.hpp"
#include "worker/restored.hpp"

namespace coproc::inline v0 {

using detail::Core;
using detail::MessengerAccess;
using link::Link;

namespace {

void append_fds(const Link& link, std::vector<int>& fds) {
  for (const int fd : link.fds_to_hand_over()) fds.push_back(fd);
}

}  // namespace

Link& link_of_argument(const Messenger& messenger) {
  Core* const core = MessengerAccess::core(messenger);
  if (core == nullptr) throw InvalidArgumentError("a messenger among the start arguments has no link");
  return core->underlying_link();
}

std::optional<GivenState> state_from(const detail::PeerSupervisor* supervisor) {
  const auto state = supervisor == nullptr ? nullptr : supervisor->state_to_give();
  if (state == nullptr) return std::nullopt;
  return GivenState{state->type->id, state->type->description,
                    std::string(reinterpret_cast<const char*>(state->bytes.data()), state->bytes.size())};
}

void take_given(std::optional<GivenState> given, std::size_t max_allocation) {
  if (!given) return set_restored(nullptr, max_allocation);
  auto state = std::make_shared<detail::SavedState>();
  state->type = std::make_shared<detail::RemoteType>(detail::RemoteType{given->type_id, std::move(given->description)});
  state->bytes.append(given->bytes.data(), given->bytes.size());
  set_restored(std::move(state), max_allocation);
}

std::string encode_request(const detail::StartPlan& plan, const Link& worker_end, const detail::CoreOptions& options,
                           bool reports_crashes, const std::weak_ptr<detail::PeerSupervisor>& supervisor,
                           std::vector<int>& fds) {
  RunRequest request;
  request.own = description_of(worker_end, options.link, options.reorders);
  request.reports_crashes = reports_crashes;
  append_fds(worker_end, fds);
  for (const Messenger* messenger : plan.handed_over) {
    const Link& link = link_of_argument(*messenger);
    const detail::CoreOptions& its = MessengerAccess::core(*messenger)->options();
    request.messengers.push_back(description_of(link, its.link, its.reorders));
    append_fds(link, fds);
  }
  if (plan.run_received != nullptr) {
    request.run_received = process::name_code(reinterpret_cast<process::Function>(plan.run_received));
  }
  if (plan.function != nullptr) request.function = process::name_code(plan.function);
  for (const TypeInfo* type : plan.argument_types) {
    request.argument_types.push_back(type == nullptr ? ArgumentName{0, "messenger"}
                                                     : ArgumentName{type->id, type->describe()});
  }
  if (const auto it = supervisor.lock()) {
    request.max_state_bytes = it->max_state_bytes();
    request.state = state_from(it.get());
  }
  detail::Buffer arguments;
  {
    Encoder encoder(arguments, options.link.max_message_bytes);
    plan.encode(encoder, plan.context);
  }
  request.arguments.assign(reinterpret_cast<const char*>(arguments.data()), arguments.size());

  detail::Buffer bytes;
  Encoder encoder(bytes, std::size_t{1} << 40);
  encode(encoder, request);
  const auto written = encoder.written();
  return {reinterpret_cast<const char*>(written.data()), written.size()};
}

}  // namespace coproc::inline v0
