// The state behind a Supervisor: its workers, and what becomes of the others when one has ended.
//
// Thread safety: `stop` may be called from any thread. All else is for the thread that uses the messengers.
// Invariants: a member whose worker was stopped because of another one has an end that was looked at, so that it is
// started by the same call, or by the next that drives.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "coproc/supervisor.hpp"
#include "supervise/past_ends.hpp"
#include "supervise/restart_limit.hpp"
#include "supervise/supervision.hpp"

namespace coproc::inline v0::detail {

class [[gnu::visibility("hidden")]] SupervisorGroup::State final : public SupervisedTogether {
 public:
  explicit State(SupervisorOptions options);
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() override;

  void add(std::unique_ptr<SupervisorMember> member);
  void start();
  std::vector<ExitStatus> stop();
  std::chrono::nanoseconds look();

  void note_end(Supervision::State& ended, const ExitStatus& status) override;
  Waited start_again(Supervision::State& ended, const os::Deadline& deadline) override;
  std::int64_t due(const Supervision::State& ended) const noexcept override;

 private:
  void end_others(std::size_t ended, bool all);
  bool goes_with(std::size_t ended, std::size_t other) const noexcept;
  std::size_t place_of(const Supervision::State& member) const noexcept;
  Supervision::State& state_of(std::size_t place) const noexcept;

  const SupervisorOptions options_;
  std::vector<std::unique_ptr<SupervisorMember>> members_;
  supervise::RestartLimit limit_;
  supervise::PastEnds past_ends_;
  std::atomic<bool> is_started_ = false;
};

}  // namespace coproc::inline v0::detail
