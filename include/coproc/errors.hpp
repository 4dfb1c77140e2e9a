// Everything that coproc throws. Each type is a reaction that a caller can have; each text says what happened, to whom,
// and what to do.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "coproc/exit_status.hpp"
#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// The base of all errors of this library, apart from ResourceRequestedClose.
class COPROC_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~Error() override;
};

/// The peer asked this end to close (seed: ResourceRequestedClose). Thrown once by a receive, then again by every wait that
/// would sleep; queued messages stay receivable. Leaving the target, it is a clean exit with code 0. Not a std::exception,
/// so that `catch (const std::exception&)` in a worker's loop cannot swallow it.
class COPROC_API ResourceRequestedClose {
 public:
  virtual ~ResourceRequestedClose();
  virtual const char* what() const noexcept;
};

/// The peer has said by `send_end` that it sends no more, and all that it had sent has been received. Thrown by every wait that
/// finds nothing, and by a look that finds nothing on any channel. Leaving the target, it is a clean exit, too.
class COPROC_API EndOfMessages : public ResourceRequestedClose {
 public:
  ~EndOfMessages() override;
  const char* what() const noexcept override;
};

#define COPROC_ERROR(Name, Base)        \
  class COPROC_API Name : public Base { \
   public:                              \
    using Base::Base;                   \
    ~Name() override;                   \
  }

/// At a host's end: the worker sent a close request.
COPROC_ERROR(WorkerRequestedClose, Error);
/// At a host's end, in place of EndOfMessages: the worker has said that it sends no more.
COPROC_ERROR(EndOfWorkersMessages, WorkerRequestedClose);
/// A waiting call found nothing in its time.
COPROC_ERROR(TimeoutError, Error);
/// `interrupt()` ended the wait.
COPROC_ERROR(InterruptedError, Error);
/// An option or argument that cannot work: the text says which and what is allowed.
COPROC_ERROR(InvalidArgumentError, Error);
/// A payload over `LinkOptions::max_message_bytes`. Nothing was sent.
COPROC_ERROR(MessageTooLargeError, Error);
/// `Messenger::loan` found no memory that could be lent. Receive until the peer has dropped some, or send a copy instead.
COPROC_ERROR(LoanError, Error);
/// Both sides' inboxes are full, or this inbox is full of other channels' messages.
COPROC_ERROR(QueueFullError, Error);
/// A receive asked for another type than the one that was sent. The message stays receivable.
COPROC_ERROR(TypeMismatchError, Error);
/// No function given to `Message::match` takes this message (seed: MessageNotRecognizedError).
COPROC_ERROR(MessageNotRecognizedError, Error);
/// `send_reply` with no unanswered request on that channel, or `reply_to` a message that is none or of an earlier run.
COPROC_ERROR(NoRequestError, Error);
/// The peer broke the rules of the link: its end is not used any more.
COPROC_ERROR(ProtocolError, Error);
/// A payload whose bytes do not make a value of its type. The message stays receivable, as a Message.
COPROC_ERROR(DecodeError, ProtocolError);
/// The object belongs to another process: this one was forked from it.
COPROC_ERROR(NotOwnerError, Error);
/// Two threads used one messenger at the same time.
COPROC_ERROR(ConcurrentUseError, Error);
/// `start()` of a worker that is alive (seed: WorkerIsAlreadyAliveError).
COPROC_ERROR(WorkerIsAlreadyAliveError, Error);
/// Use of a worker that never started (seed: WorkerIsAlreadyDeadError).
COPROC_ERROR(WorkerIsAlreadyDeadError, Error);
/// The other end is gone, and all that it had sent has been received.
COPROC_ERROR(LinkClosedError, Error);
/// The other end of a pair was destroyed, or its process ended.
COPROC_ERROR(PeerClosedError, LinkClosedError);
/// In a worker: the host is gone.
COPROC_ERROR(HostDiedError, LinkClosedError);
/// In a host: the worker is gone (seed: WorkerIsDeadError).
COPROC_ERROR(WorkerIsDeadError, LinkClosedError);
/// A pool's task was cancelled, or its pool was stopped, before it had ended.
COPROC_ERROR(TaskCancelledError, Error);

#undef COPROC_ERROR

/// The system has no descriptors, memory or address space left for what a call needs, or a limit forbids it: nothing was
/// lost. The text says which limit to raise; then the same call may be made again.
class COPROC_API SystemLimitError : public Error {
 public:
  SystemLimitError(const std::string& text, int error_number);
  ~SystemLimitError() override;
  /// errno
  int error_number() const noexcept { return error_number_; }

 private:
  int error_number_;
};

/// The worker ended while the host still wanted something of it. `exit_status()` holds all that is known, the requests that
/// it left unanswered among it; `exit_status().report()` puts that in lines.
class COPROC_API WorkerDiedError : public WorkerIsDeadError {
 public:
  /// `task`: of a pool, which the worker was running.
  WorkerDiedError(std::string name, int pid, ExitStatus status, std::optional<std::uint64_t> task = {});
  ~WorkerDiedError() override;
  const std::string& name() const noexcept { return name_; }
  int pid() const noexcept { return pid_; }
  const ExitStatus& exit_status() const noexcept { return status_; }
  /// The index of the pool's task that it was running, if it was a pool's.
  std::optional<std::uint64_t> task() const noexcept { return task_; }

 private:
  std::string name_;
  int pid_;
  ExitStatus status_;
  std::optional<std::uint64_t> task_;
};

/// A worker could not be started. Nothing of it is left behind.
class COPROC_API StartError : public Error {
 public:
  /// `stage`: "fork", "exec", "link", "handshake", ...; `error_number`: errno, or 0 where no system call failed; `text` goes
  /// on after the word "worker": which one, what failed, what to do.
  StartError(std::string stage, int error_number, const std::string& text, std::optional<ExitStatus> status = {});
  ~StartError() override;
  const std::string& stage() const noexcept { return stage_; }
  int error_number() const noexcept { return error_number_; }
  /// How the process ended, where it did so by itself before it was ready.
  const std::optional<ExitStatus>& exit_status() const noexcept { return status_; }

 private:
  std::string stage_;
  int error_number_;
  std::optional<ExitStatus> status_;
};

/// Where an error that a peer sent came from. Every error thrown by a receive because the peer sent it can also be caught
/// as this, whatever its own type.
class COPROC_API RemoteOrigin {
 public:
  RemoteOrigin(std::string peer, int pid, std::optional<std::uint64_t> task = {});
  RemoteOrigin(const RemoteOrigin&) = default;
  RemoteOrigin& operator=(const RemoteOrigin&) = default;
  virtual ~RemoteOrigin();
  /// The worker's name, or "host" or "peer".
  const std::string& peer() const noexcept { return peer_; }
  int peer_pid() const noexcept { return pid_; }
  /// The index of the pool's task that threw it, if one did.
  std::optional<std::uint64_t> task() const noexcept { return task_; }

 private:
  std::string peer_;
  int pid_;
  std::optional<std::uint64_t> task_;
};

/// An error of the peer whose type this program does not know (see `accept_errors`).
class COPROC_API RemoteError : public Error, public RemoteOrigin {
 public:
  RemoteError(std::string type_name, std::string text, RemoteOrigin origin);
  ~RemoteError() override;
  const std::string& type_name() const noexcept { return type_name_; }
  /// The remote exception's own `what()`.
  const std::string& text() const noexcept { return text_; }

 private:
  std::string type_name_;
  std::string text_;
};

/// A pool's task ran for longer than `TaskOptions::time_limit`: its worker was killed, and is dead by now.
class COPROC_API TaskTimeoutError : public TimeoutError {
 public:
  TaskTimeoutError(const std::string& text, std::uint64_t task);
  ~TaskTimeoutError() override;
  std::uint64_t task() const noexcept { return task_; }

 private:
  std::uint64_t task_;
};

/// A pool's workers ended before they could run anything, again and again. `cause()`: why the last one did.
class COPROC_API PoolBrokenError : public Error {
 public:
  PoolBrokenError(const std::string& text, std::exception_ptr cause);
  ~PoolBrokenError() override;
  const std::exception_ptr& cause() const noexcept { return cause_; }

 private:
  std::exception_ptr cause_;
};

}  // namespace coproc::inline v0
