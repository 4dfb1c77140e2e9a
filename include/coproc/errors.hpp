// Everything that coproc throws. Each type stands for a reaction that a caller can have. Each text says what happened,
// to whom, and what to do.
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

/// The peer asked this end to close. The next receive throws this once, and after that every wait that would sleep
/// throws it; queued messages stay receivable. A target that it leaves has ended cleanly, with exit code 0. It is not a
/// std::exception, so that `catch (const std::exception&)` in a worker's loop cannot swallow it.
class COPROC_API ResourceRequestedClose {
 public:
  virtual ~ResourceRequestedClose();
  virtual const char* what() const noexcept;
};

/// The peer has called `send_end`, and everything that it had sent before has been received. Every wait that finds
/// nothing throws this, and so does every call that does not wait and finds nothing on any channel. A target that it
/// leaves has ended cleanly.
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

/// The worker sent a close request. Thrown at the host's end.
COPROC_ERROR(WorkerRequestedClose, Error);
/// The worker has called `send_end`. Thrown at the host's end, in place of EndOfMessages.
COPROC_ERROR(EndOfWorkersMessages, WorkerRequestedClose);
/// The time of a call was over, and its result cannot say so (calls that return an optional return nullopt instead).
COPROC_ERROR(TimeoutError, Error);
/// A call of `interrupt()` ended the wait.
COPROC_ERROR(InterruptedError, Error);
/// An option or argument cannot work. The text says which one, and what is allowed.
COPROC_ERROR(InvalidArgumentError, Error);
/// A payload is larger than `LinkOptions::max_message_bytes`. Nothing was sent.
COPROC_ERROR(MessageTooLargeError, Error);
/// `Messenger::loan` found no memory that could be lent. Receive until the peer has dropped some loans, or send a copy
/// instead.
COPROC_ERROR(LoanError, Error);
/// The inboxes of both sides are full, or this inbox is full of messages of other channels.
COPROC_ERROR(QueueFullError, Error);
/// A receive asked for another type than the one that was sent. The message stays receivable.
COPROC_ERROR(TypeMismatchError, Error);
/// None of the functions that were given to `Message::match` takes this message.
COPROC_ERROR(MessageNotRecognizedError, Error);
/// The call needs an open request and there is none: `reply_to` and `reply_error_to` were given a message that is no
/// request, was answered already, or came through an earlier link; or `receive_reply` was given the id of a request
/// that is not outstanding.
COPROC_ERROR(NoRequestError, Error);
/// The peer broke the rules of the link, which is not used any more.
COPROC_ERROR(ProtocolError, Error);
/// The bytes of a payload do not make a value of its type. The message stays receivable as a Message.
COPROC_ERROR(DecodeError, ProtocolError);
/// The object belongs to the process that this one was forked from.
COPROC_ERROR(NotOwnerError, Error);
/// Two threads used one messenger at the same time.
COPROC_ERROR(ConcurrentUseError, Error);
/// `start()` was called on a worker that is alive.
COPROC_ERROR(WorkerIsAlreadyAliveError, Error);
/// The object has no link: the worker was never started, or the worker or messenger was moved from.
COPROC_ERROR(NoLinkError, Error);
/// The other end is gone, and everything that it had sent has been received.
COPROC_ERROR(LinkClosedError, Error);
/// The other end of a pair was destroyed, or its process has ended.
COPROC_ERROR(PeerClosedError, LinkClosedError);
/// The host is gone. Thrown in a worker.
COPROC_ERROR(HostDiedError, LinkClosedError);
/// The worker is gone. Thrown in its host.
COPROC_ERROR(WorkerIsDeadError, LinkClosedError);
/// The system cannot confine this process as `this_worker::confine` was asked to. The text says what is missing.
/// Nothing is undone: parts of the sandbox may hold already.
COPROC_ERROR(SandboxError, Error);
/// What a coroutine or a handler waited for was given up: it was cancelled, or the object that it waited on was
/// destroyed.
COPROC_ERROR(CancelledError, Error);
/// Whoever reads a stream has given it up: no more parts are wanted, and the request counts as answered.
COPROC_ERROR(StreamCancelledError, Error);
/// The task of a pool was cancelled, or its pool was stopped, before the task had ended.
COPROC_ERROR(TaskCancelledError, Error);

#undef COPROC_ERROR

/// The earlier name of NoLinkError.
using WorkerIsAlreadyDeadError = NoLinkError;

/// The system has no descriptors, memory or address space left for a call, or a limit forbids it. Nothing was lost. The
/// text says which limit to raise; after that the same call may be made again.
class COPROC_API SystemLimitError : public Error {
 public:
  SystemLimitError(const std::string& text, int error_number);
  ~SystemLimitError() override;
  /// The value of errno.
  int error_number() const noexcept { return error_number_; }

 private:
  int error_number_;
};

/// The worker ended while the host still wanted something of it. `exit_status()` holds everything that is known,
/// including the requests that it left unanswered; `exit_status().report()` formats it in lines.
class COPROC_API WorkerDiedError : public WorkerIsDeadError {
 public:
  /// `task` is the index of the pool's task that the worker was running, if there was one.
  WorkerDiedError(std::string name, int pid, ExitStatus status, std::optional<std::uint64_t> task = {});
  ~WorkerDiedError() override;
  const std::string& name() const noexcept { return name_; }
  int pid() const noexcept { return pid_; }
  const ExitStatus& exit_status() const noexcept { return status_; }
  /// The index of the pool's task that the worker was running, if there was one.
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
  /// `stage` is "fork", "exec", "link", "handshake", "sandbox" or the like. `error_number` is errno, or 0 if no system
  /// call failed. `text` follows the word "worker" and says which worker, what failed, and what to do.
  StartError(std::string stage, int error_number, const std::string& text, std::optional<ExitStatus> status = {});
  ~StartError() override;
  const std::string& stage() const noexcept { return stage_; }
  int error_number() const noexcept { return error_number_; }
  /// How the process ended, if it ended by itself before it was ready.
  const std::optional<ExitStatus>& exit_status() const noexcept { return status_; }

 private:
  std::string stage_;
  int error_number_;
  std::optional<ExitStatus> status_;
};

/// The origin of an error that a peer sent. Every such error that a receive throws can also be caught as a
/// RemoteOrigin, whatever its own type.
class COPROC_API RemoteOrigin {
 public:
  RemoteOrigin(std::string peer, int pid, std::optional<std::uint64_t> task = {});
  RemoteOrigin(const RemoteOrigin&) = default;
  RemoteOrigin& operator=(const RemoteOrigin&) = default;
  virtual ~RemoteOrigin();
  /// The worker's name, or "host" or "peer".
  const std::string& peer() const noexcept { return peer_; }
  int peer_pid() const noexcept { return pid_; }
  /// The index of the pool's task that threw the error, if one did.
  std::optional<std::uint64_t> task() const noexcept { return task_; }

 private:
  std::string peer_;
  int pid_;
  std::optional<std::uint64_t> task_;
};

/// An error of the peer, whose type this program does not know (see `accept_errors`).
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

/// A pool's task ran for longer than `TaskOptions::time_limit`. Its worker was killed, and has ended by now.
class COPROC_API TaskTimeoutError : public TimeoutError {
 public:
  TaskTimeoutError(const std::string& text, std::uint64_t task, std::vector<std::string> stack = {});
  ~TaskTimeoutError() override;
  std::uint64_t task() const noexcept { return task_; }
  /// Where the task was, innermost call first, as in ExitStatus::stack. Empty if the worker could not tell.
  const std::vector<std::string>& stack() const noexcept { return stack_; }

 private:
  std::uint64_t task_;
  std::vector<std::string> stack_;
};

/// The workers of a pool ended again and again before they could run anything. `cause()` is the error of the last one.
class COPROC_API PoolBrokenError : public Error {
 public:
  PoolBrokenError(const std::string& text, std::exception_ptr cause);
  ~PoolBrokenError() override;
  const std::exception_ptr& cause() const noexcept { return cause_; }

 private:
  std::exception_ptr cause_;
};

}  // namespace coproc::inline v0
