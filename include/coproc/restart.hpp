// When a supervised worker is started again, and the record of each time that it was.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "coproc/backoff.hpp"
#include "coproc/errors.hpp"
#include "coproc/exit_status.hpp"
#include "coproc/export.hpp"
#include "coproc/health.hpp"
#include "coproc/recycle.hpp"

namespace coproc::inline v0 {

/// After which ends a supervised worker is started again. After `stop()` and `finish()` it never is.
enum class RestartWhen {
  never,
  on_failure,  // all but exit code 0, with which a worker ends whose target returns, or that was asked to close
  always,
};

/// What becomes of requests that have no answer when their worker ends.
enum class Pending {
  fail,  // the receive of each reply throws WorkerDiedError
  drop,  // they are counted (`Restart::unanswered`) and forgotten
  /// They are sent again to the next worker, in their order and before anything new, by the same ids, so that they run
  /// at least once. The call that finds the end goes on and throws nothing. See RestartOptions::attempts and
  /// resend_bytes for those that fail all the same.
  resend,
};

/// Why a supervised worker was started again.
enum class RestartReason : std::uint8_t {
  its_end,      // it had ended
  another_end,  // it was stopped, since another worker of its Supervisor had ended
  recycled,     // it has made place, as RestartOptions::recycle say; such restarts are not limited
};

/// One restart of a supervised worker, or one attempt that failed.
struct Restart {
  /// 1 for the first one of a Supervised.
  std::uint64_t number = 0;
  RestartReason reason = RestartReason::its_end;
  /// How the worker before had ended.
  ExitStatus status = {};
  int pid_before = 0;
  /// The worker that was started, or 0 if that failed; then `start_error` is the text of the StartError.
  int pid = 0;
  std::string start_error = {};
  /// How long the start was put off after the end was noticed.
  std::chrono::nanoseconds delay = std::chrono::nanoseconds(0);
  /// The requests that were left without an answer. 0 if the start failed.
  std::size_t unanswered = 0;
  /// Of these, the ones that are sent again to the new worker. The others have failed or were dropped now.
  std::size_t resent = 0;
  /// The bytes of the state that the new worker was given (`this_worker::restored`); nullopt: it was given none.
  std::optional<std::size_t> state_bytes = {};
  /// Whether the state was dropped at this restart, since RestartOptions::state_attempts workers had ended by it.
  bool state_dropped = false;

  /// One line, such as "restart 2: worker 4711 was killed by SIGSEGV, and left 1 request unanswered; worker 4712 took
  /// its place after 0.103 s".
  COPROC_API std::string describe() const;
};

struct RestartOptions {
  RestartWhen when = RestartWhen::on_failure;
  /// The most restarts, including starts that fail, within any stretch of `within`. At an end that would need one more,
  /// RestartLimitError is thrown.
  std::size_t most = 5;
  std::chrono::nanoseconds within = std::chrono::minutes(1);
  Backoff backoff = {};
  Pending pending = Pending::fail;
  /// Of Pending::resend: a request that was in hand at the ends of so many workers fails by RequestAttemptsError. In
  /// hand are those that a worker has received and not answered. From 1.
  std::size_t attempts = 2;
  /// Of Pending::resend: the most bytes that copies of unanswered requests take, with 256 for each. A request for which
  /// there is no room when it is sent fails, as by Pending::fail.
  std::size_t resend_bytes = std::size_t{64} << 20;
  /// When a worker makes place for a new one although it works.
  RecycleOptions recycle = {};
  /// The most bytes of a state that the worker saves by `Messenger::save`; the save of a larger one throws
  /// MessageTooLargeError in the worker. With 0 nothing is kept, and saves do nothing. The host may hold four times
  /// as much: the state that the worker was given, the newest one, and one that is arriving, in its message and alone.
  std::size_t max_state_bytes = std::size_t{64} << 20;
  /// A state by which so many workers in a row have ended is dropped, and the next worker begins without one. A worker
  /// ends by the state that it was given if that is sooner than `backoff.reset_after` after its start, and it has
  /// neither saved another one nor answered a request. From 1.
  std::size_t state_attempts = 2;
  /// When the worker counts as hung, and is ended.
  HealthOptions health = {};
  /// Is asked at each end, in the thread that drives. If it returns true, that end is final.
  std::function<bool(const ExitStatus&)> unless = {};
  /// Is called after each restart, in the thread that drives. It may use the messenger, and is the first to send to the
  /// new worker. What it throws leaves the call that drives; the new worker stays.
  std::function<void(const Restart&)> on_restart = {};
};

/// A request of a supervised worker was in hand at RestartOptions::attempts ends, and is not sent again. It is received
/// in place of the reply.
class COPROC_API RequestAttemptsError : public WorkerDiedError {
 public:
  /// `statuses`: not empty.
  RequestAttemptsError(const std::string& name, int pid, std::vector<ExitStatus> statuses);
  ~RequestAttemptsError() override;
  const char* what() const noexcept override { return text_.c_str(); }
  /// How the workers ended that had it in hand, oldest first. exit_status() is the last one.
  const std::vector<ExitStatus>& statuses() const noexcept { return statuses_; }

 private:
  std::vector<ExitStatus> statuses_;
  std::string text_;
};

/// A supervised worker has ended more often than RestartOptions allow, and is not started again. Every call that finds
/// it dead throws this, until `Supervised::start`.
class COPROC_API RestartLimitError : public WorkerIsDeadError {
 public:
  RestartLimitError(const std::string& text, std::vector<ExitStatus> statuses);
  ~RestartLimitError() override;
  /// How the worker ended each time, the last end included, oldest first. A start that failed before there was a
  /// process has an UnknownEnd.
  const std::vector<ExitStatus>& statuses() const noexcept { return statuses_; }

 private:
  std::vector<ExitStatus> statuses_;
};

}  // namespace coproc::inline v0
