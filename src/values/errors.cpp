#include "coproc/errors.hpp"

#include <utility>

#include "coproc/detail/built_alike.hpp"
#include "coproc/detail/foreign_text.hpp"

namespace coproc::inline v0 {

const char detail::COPROC_STANDARD_LIBRARY = 0;

// Each destructor is defined here so that each type's information exists once, whoever throws and whoever catches.
Error::~Error() = default;
ResourceRequestedClose::~ResourceRequestedClose() = default;
const char* ResourceRequestedClose::what() const noexcept { return "the host asked this worker to close"; }
EndOfMessages::~EndOfMessages() = default;
const char* EndOfMessages::what() const noexcept {
  return "the other side has said that it sends no more, and all that it had sent has been received";
}
WorkerRequestedClose::~WorkerRequestedClose() = default;
EndOfWorkersMessages::~EndOfWorkersMessages() = default;
TimeoutError::~TimeoutError() = default;
InterruptedError::~InterruptedError() = default;
InvalidArgumentError::~InvalidArgumentError() = default;
MessageTooLargeError::~MessageTooLargeError() = default;
LoanError::~LoanError() = default;
QueueFullError::~QueueFullError() = default;
TypeMismatchError::~TypeMismatchError() = default;
MessageNotRecognizedError::~MessageNotRecognizedError() = default;
NoRequestError::~NoRequestError() = default;
ProtocolError::~ProtocolError() = default;
DecodeError::~DecodeError() = default;
NotOwnerError::~NotOwnerError() = default;
ConcurrentUseError::~ConcurrentUseError() = default;
WorkerIsAlreadyAliveError::~WorkerIsAlreadyAliveError() = default;
NoLinkError::~NoLinkError() = default;
LinkClosedError::~LinkClosedError() = default;
PeerClosedError::~PeerClosedError() = default;
HostDiedError::~HostDiedError() = default;
WorkerIsDeadError::~WorkerIsDeadError() = default;

SystemLimitError::SystemLimitError(const std::string& text, int error_number)
    : Error(text), error_number_(error_number) {}
SystemLimitError::~SystemLimitError() = default;

WorkerDiedError::WorkerDiedError(std::string name, int pid, ExitStatus status, std::optional<std::uint64_t> task)
    : WorkerIsDeadError(
          "worker " + std::to_string(pid) + " (" + detail::in_one_line(name) + ") " + status.describe() +
          (task ? " while it ran task " + std::to_string(*task) +
                      ": other tasks are not affected; the report() of its exit_status tells more"
                : ": all that it had sent has been received; the report() of its exit_status tells more, and start() "
                  "gives a fresh one, unless a Supervised has done so")),
      name_(std::move(name)),
      pid_(pid),
      status_(std::move(status)),
      task_(task) {}
WorkerDiedError::~WorkerDiedError() = default;

StartError::StartError(std::string stage, int error_number, const std::string& text, std::optional<ExitStatus> status)
    : Error("worker " + text), stage_(std::move(stage)), error_number_(error_number), status_(std::move(status)) {}
StartError::~StartError() = default;

RemoteOrigin::RemoteOrigin(std::string peer, int pid, std::optional<std::uint64_t> task)
    : peer_(std::move(peer)), pid_(pid), task_(task) {}
RemoteOrigin::~RemoteOrigin() = default;

RemoteError::RemoteError(std::string type_name, std::string text, RemoteOrigin origin)
    : Error(detail::in_one_line(type_name) + ": " + detail::in_lines(text, "    ") + " (from " +
            detail::in_one_line(origin.peer()) + ", pid " + std::to_string(origin.peer_pid()) + ")"),
      RemoteOrigin(std::move(origin)),
      type_name_(std::move(type_name)),
      text_(std::move(text)) {}
RemoteError::~RemoteError() = default;

TaskTimeoutError::TaskTimeoutError(const std::string& text, std::uint64_t task, std::vector<std::string> stack)
    : TimeoutError(text), task_(task), stack_(std::move(stack)) {}
TaskTimeoutError::~TaskTimeoutError() = default;

SandboxError::~SandboxError() = default;
CancelledError::~CancelledError() = default;
StreamCancelledError::~StreamCancelledError() = default;
TaskCancelledError::~TaskCancelledError() = default;

PoolBrokenError::PoolBrokenError(const std::string& text, std::exception_ptr cause)
    : Error(text), cause_(std::move(cause)) {}
PoolBrokenError::~PoolBrokenError() = default;

}  // namespace coproc::inline v0
