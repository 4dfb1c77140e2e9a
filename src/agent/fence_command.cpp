#include "agent/fence_command.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "agent/command.hpp"
#include "coproc/detail/foreign_text.hpp"
#include "os/file.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::agent {

namespace {

constexpr int kPipeBytes = 65536;
/// So much of its output is quoted, which leaves room for the rest of why a machine was lost.
constexpr std::size_t kMostBytes = 2048;
constexpr std::size_t kMostLines = 10;
/// More than the pipe holds, so that all is read that an ended command has printed.
constexpr int kMostReads = 32;

std::string last_lines(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::size_t at = text.size();
  for (std::size_t lines = 0; lines < kMostLines && at != std::string::npos; ++lines) {
    at = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
  }
  return at == std::string::npos ? text : text.substr(at + 1);
}

}  // namespace

FenceCommand::FenceCommand(const std::vector<std::string>& command, std::chrono::nanoseconds time)
    : time_(time), until_(time) {
  try {
    output_ = os::Pipe::create_for_output(kPipeBytes);
    const os::Fd nothing = os::open_file("/dev/null", O_RDONLY);
    child_ = execute_command(command, "its fence command", nothing, output_.write_end, output_.write_end);
  } catch (const process::StartReport& report) {
    failure_ = process::describe(report, {});
  } catch (const std::system_error& error) {
    failure_ = std::string("its fence command could not be executed: ") + error.what();
  }
  output_.write_end.reset();
}

std::chrono::nanoseconds FenceCommand::look_in() const noexcept {
  if (has_told_) return std::chrono::nanoseconds::max();
  return child_ ? until_.remaining() : std::chrono::nanoseconds(0);
}

std::optional<FenceCommand::Outcome> FenceCommand::look() {
  if (has_told_) return std::nullopt;
  if (!child_) return tell(false, failure_);
  read_output();
  const std::optional<ExitStatus> status = child_.try_reap();
  const auto tell_too_slow = [&](const std::string& what_then) {
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(time_).count();
    return tell(false, "its fence command did not end in " + std::to_string(limit) + " ms (Launcher::fence_time) and " +
                           what_then + quoted_output());
  };
  if (status) {
    read_output();  // its last
    if (was_killed_) return tell_too_slow("was killed");
    if (status->success()) return tell(true, "its fence command has ended what ran there");
    return tell(false, "its fence command " + status->describe() + quoted_output());
  }
  if (!until_.passed()) return std::nullopt;
  if (was_killed_) return tell_too_slow("could not be killed");
  was_killed_ = true;
  child_.kill_group_at_end();
  child_.kill();
  until_ = os::Deadline(kToBeKilled);
  return std::nullopt;
}

void FenceCommand::read_output() {
  std::array<char, 4096> bytes;
  for (int i = 0; i < kMostReads && output_.read_end; ++i) {
    const os::Got got = os::read_available(output_.read_end, bytes);
    printed_.append(bytes.data(), got.bytes);
    if (printed_.size() > kMostBytes) printed_.erase(0, printed_.size() - kMostBytes);
    if (got.is_at_end) output_.read_end.reset();  // at its end it would stay readable for ever
    if (got.bytes == 0) return;
  }
}

std::string FenceCommand::quoted_output() const {
  const std::string text = last_lines(printed_);
  return text.empty() ? "" : "; it printed: " + detail::in_lines(text, "    ");
}

std::optional<FenceCommand::Outcome> FenceCommand::tell(bool has_succeeded, std::string text) {
  has_told_ = true;
  output_.read_end.reset();
  return Outcome{has_succeeded, std::move(text)};
}

}  // namespace coproc::inline v0::agent
