#include "remote/remote_life.hpp"

#include <chrono>
#include <system_error>
#include <utility>

#include "coproc/errors.hpp"
#include "remote/conversation.hpp"
#include "remote/messages.hpp"

namespace coproc::inline v0::remote {

namespace {

/// The near agent has written all before it ended.
const os::Deadline kNow{std::chrono::seconds(0)};

ExitStatus lost(const std::string& machine, std::string why) {
  ExitStatus status;
  status.end = MachineLost{machine, std::move(why), Fence::no};
  return status;
}

ExitStatus last_words(const os::Fd& socket, const std::string& machine, const ExitStatus& end_of_agent) {
  const auto message = receive_message(socket, kNow);
  if (!message) return lost(machine, "the near agent on this machine " + end_of_agent.describe());
  try {
    return status_of(read_worker_end(*message), machine);
  } catch (const DecodeError& error) {
    return lost(machine, std::string("the near agent on this machine has told what cannot be: ") + error.what());
  }
}

}  // namespace

std::optional<ExitStatus> RemoteLife::try_reap() {
  const os::MutexLock lock(mutex_);
  if (status_) return status_;
  const auto end_of_agent = near_.try_reap();
  if (!end_of_agent) return std::nullopt;
  return status_ = last_words(socket_->host_end(), machine_, *end_of_agent);
}

os::Signalling RemoteLife::signal(int number, std::optional<std::uintptr_t> value) {
  const os::MutexLock lock(mutex_);
  if (status_ || near_.is_ended()) return os::Signalling::ended;
  const SignalOrder order{number, value.has_value(), value.value_or(0)};
  // An agent that does not read has been stopped; when it goes on it finds what has found room by then.
  constexpr std::chrono::seconds kPatience{1};
  const bool is_sent = send_message(socket_->host_end(), to_bytes(order), {}, os::Deadline(kPatience));
  return is_sent ? os::Signalling::sent : os::Signalling::ended;
}

}  // namespace coproc::inline v0::remote
