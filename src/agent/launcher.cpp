#include "agent/launcher.hpp"

#include <utility>

#include "agent/command.hpp"

namespace coproc::inline v0::agent {

namespace {

constexpr int kPipeBytes = 1 << 20;
/// Signs of life wait behind what is in it.
constexpr int kInputBytes = 1 << 18;
/// ssh and the like clean up when their stdin has ended. A signal would keep them from it.
constexpr std::chrono::seconds kToEndByItself{5};
constexpr std::chrono::seconds kToEndBySignal{2};

}  // namespace

Launcher::Launcher(const std::vector<std::string>& command)
    : input_(os::Pipe::create_for_input(kInputBytes)),
      output_(os::Pipe::create_for_output(kPipeBytes)),
      errors_(os::Pipe::create_for_output(kPipeBytes)),
      child_(execute_command(command, "its launcher", input_.read_end, output_.write_end, errors_.write_end)) {
  input_.read_end.reset();
  output_.write_end.reset();
  errors_.write_end.reset();
}

void Launcher::begin_end(bool has_failed) noexcept {
  if (has_failed) child_.kill_group_at_end();
  if (!until_) until_.emplace(kToEndByItself);
}

void Launcher::hurry() noexcept { until_.emplace(std::chrono::seconds(0)); }

void Launcher::kill_at_once() {
  begin_end(true);
  child_.kill();
  signals_ = 2;
}

std::optional<ExitStatus> Launcher::look() {
  if (auto status = child_.try_reap()) return status;
  if (!until_ || !until_->passed()) return std::nullopt;
  signals_++ == 0 ? child_.terminate() : child_.kill();
  until_.emplace(kToEndBySignal);
  return std::nullopt;
}

std::chrono::nanoseconds Launcher::look_in() const noexcept {
  return until_ ? until_->remaining() : std::chrono::nanoseconds::max();
}

}  // namespace coproc::inline v0::agent
