// The state behind a Supervised: it replaces the worker in the calls of the messenger that find it dead.
//
// Thread safety: `make_final` and `history` may be called from any thread. All else is for the thread that uses the
// messenger, which is called the one that drives.
// Invariants: between calls, `end_` is set if the last worker has ended and its end was looked at; `due_` is then the
// time of the next start. If `given_up_` is set there is no next start.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coproc/supervised.hpp"
#include "messenger/supervisor.hpp"
#include "os/mutex.hpp"
#include "os/thread_annotations.hpp"
#include "supervise/past_ends.hpp"
#include "supervise/recycling.hpp"
#include "supervise/schedule.hpp"
#include "supervise/state_keeper.hpp"
#include "supervise/watch.hpp"

namespace coproc::inline v0::detail {

/// How a wait for another worker has ended.
enum class Waited { is_over, is_too_long, became_final };

/// What supervised workers that are started again together have in common. Called by the thread that drives.
class SupervisedTogether {
 public:
  virtual ~SupervisedTogether() = default;
  /// This worker has ended, and is to be started again. Stops those that go with it.
  virtual void note_end(Supervision::State& ended, const ExitStatus& status) = 0;
  /// Starts it again, and those that go with it.
  virtual Waited start_again(Supervision::State& ended, const os::Deadline& deadline) = 0;
  /// When that is due.
  virtual std::int64_t due(const Supervision::State& ended) const noexcept = 0;
};

class [[gnu::visibility("hidden")]] Supervision::State final : public PeerSupervisor {
 public:
  State(Worker& worker, Messenger& messenger, std::string name, RestartOptions options);

  void start(std::function<void()> start);
  void make_final();
  std::vector<Restart> history() const;

  /// From now on this worker is one of several. They must outlive it.
  void join(SupervisedTogether& together) noexcept { together_ = &together; }
  const std::string& name() const noexcept { return name_; }
  bool was_started() const noexcept { return start_ != nullptr; }
  /// Whether its worker has ended, and is to be started again.
  bool has_ended() const noexcept { return end_.has_value(); }
  std::int64_t due() const noexcept { return due_; }
  bool has_given_up() const noexcept { return given_up_ != nullptr; }
  /// It is not started any more: every call throws this error.
  void give_up(std::exception_ptr error);
  /// Ends the worker that is being started while this one works.
  void give_up_next();
  /// Whether it has ended, and nobody has looked at that.
  bool is_left_behind() const;
  /// Stops the worker because of the end of another one, with which it is started again.
  void end_with(const State& other);
  /// Starts another worker when that is due. `caller` is the one whose messenger's call drives.
  Waited start_again(const State& caller, const os::Deadline& deadline);

  Replacement replace_worker(const Error& error, const os::Deadline& deadline) override;
  std::optional<std::size_t> resend_bytes() const noexcept override;
  bool keeps_calls() const noexcept override { return recycling_.is_wanted() || together_ != nullptr; }
  void before_call() override;
  std::size_t max_state_bytes() const noexcept override { return options_.max_state_bytes; }
  std::shared_ptr<const SavedState> state_to_give() const noexcept override {
    return gives_state_ ? states_.state() : nullptr;
  }
  Asks asks() const noexcept override;
  bool is_watching() const noexcept override { return watch_.health().has_limits() || recycling_.is_wanted(); }
  std::chrono::nanoseconds watch(Core& core) override;
  std::chrono::nanoseconds look() override;
  bool makes_place() const noexcept { return retires_since_.has_value(); }

 private:
  static constexpr std::size_t kMostHistory = 32;

  bool is_final() const;
  void set_final();
  bool is_wanted_after(const ExitStatus& status, bool has_broken_link = false) const;
  bool look_at_end(const WorkerDiedError* told);
  void note_end(ExitStatus status);
  void plan_next();
  void note_started(std::int64_t now);
  bool is_next_ready();
  bool is_next_asked() const;
  bool takes_next();
  void drop_next() COPROC_REQUIRES(mutex_);
  bool is_retiring() noexcept;
  std::int64_t grace_left() const noexcept;
  bool await_retired(const os::Deadline& deadline);
  Waited wait_until_due(const State& caller, const os::Deadline& deadline);
  bool begin_start();
  void end_start() noexcept;
  bool try_start();
  void note(Restart restart);
  void decide_on_requests(Restart& restart);

  Worker& worker_;
  Messenger& messenger_;
  const std::string name_;
  const RestartOptions options_;
  std::function<void()> start_;
  supervise::Schedule schedule_;
  supervise::Recycling recycling_;
  std::optional<std::int64_t> retires_since_;  // it was told that nothing more will be sent, so that it makes place
  bool is_over_grace_ = false;                 // it was stopped, since that took it too long
  supervise::StateKeeper states_;
  supervise::Watch watch_;
  bool gives_state_ = false;  // during a restart: another start is one without a state
  bool is_driving_ = false;   // so that a call that on_restart makes does not drive
  std::optional<ExitStatus> end_;
  RestartReason reason_ = RestartReason::its_end;
  int pid_at_end_ = 0;
  std::int64_t ended_at_ = 0;
  std::int64_t due_ = 0;
  std::uint64_t restarts_ = 0;
  supervise::PastEnds past_ends_;
  std::exception_ptr given_up_;
  SupervisedTogether* together_ = nullptr;  // null: it is on its own

  mutable os::Mutex mutex_;
  std::condition_variable changed_;  // one of the next two was
  bool is_final_ COPROC_GUARDED_BY(mutex_) = false;
  bool is_starting_ COPROC_GUARDED_BY(mutex_) = false;
  bool is_next_asked_ COPROC_GUARDED_BY(mutex_) = false;  // the next worker is being started while this one works
  std::deque<Restart> history_ COPROC_GUARDED_BY(mutex_);
};

}  // namespace coproc::inline v0::detail
