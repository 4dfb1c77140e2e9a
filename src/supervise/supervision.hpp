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
#include <optional>
#include <string>
#include <vector>

#include "coproc/supervised.hpp"
#include "messenger/supervisor.hpp"
#include "os/mutex.hpp"
#include "os/thread_annotations.hpp"
#include "supervise/schedule.hpp"

namespace coproc::inline v0::detail {

class [[gnu::visibility("hidden")]] Supervision::State final : public Supervisor {
 public:
  State(Worker& worker, Messenger& messenger, std::string name, RestartOptions options);

  void start(std::function<void()> start);
  void make_final();
  std::vector<Restart> history() const;

  Replacement replace_worker(const Error& error, const os::Deadline& deadline) override;
  std::optional<std::size_t> resend_bytes() const noexcept override;

 private:
  static constexpr std::size_t kMostHistory = 32;

  enum class Wait { is_over, is_too_long, became_final };

  bool is_final() const;
  bool look_at_end(const WorkerDiedError* told);
  void plan_next();
  Wait wait_until_due(const os::Deadline& deadline);
  bool begin_start();
  void end_start() noexcept;
  bool try_start();
  void note(Restart restart);
  void decide_on_requests(Restart& restart);
  void give_up();

  Worker& worker_;
  Messenger& messenger_;
  const std::string name_;
  const RestartOptions options_;
  std::function<void()> start_;
  supervise::Schedule schedule_;
  bool is_driving_ = false;  // so that a call that on_restart makes does not drive
  std::optional<ExitStatus> end_;
  int pid_at_end_ = 0;
  std::int64_t ended_at_ = 0;
  std::int64_t due_ = 0;
  std::uint64_t restarts_ = 0;
  struct PastEnd {
    std::int64_t at;
    ExitStatus status;
    std::string text;
  };
  std::deque<PastEnd> past_ends_;  // those of the last RestartOptions::within
  std::exception_ptr given_up_;

  mutable os::Mutex mutex_;
  std::condition_variable changed_;  // one of the next two was
  bool is_final_ COPROC_GUARDED_BY(mutex_) = false;
  bool is_starting_ COPROC_GUARDED_BY(mutex_) = false;
  std::deque<Restart> history_ COPROC_GUARDED_BY(mutex_);
};

}  // namespace coproc::inline v0::detail
