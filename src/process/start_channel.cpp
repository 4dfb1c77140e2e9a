#include "process/start_channel.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <system_error>

#include "coproc/detail/foreign_text.hpp"
#include "os/fd_passing.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::process {

namespace {

///  0 stage         i32
///  4 error_number  i32
///  8 text_bytes    u32   of the text that follows
/// 12 applied       8     what holds of the sandbox
struct ReportHeader {
  std::int32_t stage;
  std::int32_t error_number;
  std::uint32_t text_bytes;
  sandbox::Applied applied;
};
static_assert(sizeof(ReportHeader) == 20);
constexpr std::size_t kMostTextBytes = 4096;

}  // namespace

StartChannel::StartChannel(const os::ForkLock&) : ends_(os::SocketPair::create()) {
  if (!os::Pidfd::can_open()) os::Pidfd::ask_for_senders(ends_.first);
}

os::Pidfd StartChannel::open_pidfd(pid_t worker, const os::Deadline& deadline) {
  if (os::Pidfd::can_open()) return os::Pidfd::open(worker);
  os::Pidfd pidfd = os::Pidfd::of_sender(ends_.first, deadline);
  has_read_here_ = true;
  return pidfd;
}

void StartChannel::keep_worker_end() noexcept {
  ends_.first.reset();
  send_here(ends_.second);
}

void StartChannel::send_here(const os::Fd& worker_end) noexcept {
  const char here = 1;
  (void)os::send_all(worker_end, &here, 1);  // the next call finds it, too, if the host is gone
}

bool StartChannel::confirm_pidfd(const os::Deadline& deadline) noexcept {
  step("start: host, before go");
  constexpr std::byte kGo[1]{std::byte{1}};
  try {
    return os::send_with_fds(ends_.first, kGo, {}, deadline);
  } catch (const std::system_error&) {
    return false;
  }
}

StartChannel::Arrived StartChannel::take_in() {
  for (;;) {
    const std::size_t wanted = has_read_here_ ? report_bytes() : 1;
    const std::size_t at = arrived_.size();
    if (at == wanted && has_read_here_) return Arrived::all;
    arrived_.resize(wanted);
    const auto got = os::receive_now(ends_.first, arrived_.data() + at, wanted - at);
    arrived_.resize(at + got.value_or(0));
    if (!got) return Arrived::part;
    if (*got == 0) return arrived_.size() < sizeof(ReportHeader) ? Arrived::end : Arrived::all;
    if (has_read_here_) continue;
    has_read_here_ = true;
    arrived_.clear();
  }
}

/// The size of the report as far as it is known: first that of its header.
std::size_t StartChannel::report_bytes() const noexcept {
  ReportHeader header;
  if (arrived_.size() < sizeof header) return sizeof header;
  std::memcpy(&header, arrived_.data(), sizeof header);
  return sizeof header + std::min<std::size_t>(header.text_bytes, kMostTextBytes);
}

std::optional<StartReport> StartChannel::take_report() {
  ReportHeader header;
  std::memcpy(&header, arrived_.data(), sizeof header);
  if (header.stage < 0 || header.stage > static_cast<std::int32_t>(StartStage::arguments)) return std::nullopt;
  StartReport report{static_cast<StartStage>(header.stage), header.error_number};
  report.applied = header.applied;
  report.text = detail::in_lines(arrived_.substr(sizeof header), "    ");
  return report;
}

bool StartChannel::report(const StartReport& report) noexcept {
  const std::size_t text_bytes = std::min(report.text.size(), kMostTextBytes);
  const ReportHeader header{static_cast<std::int32_t>(report.stage), report.error_number,
                            static_cast<std::uint32_t>(text_bytes), report.applied};
  char go = 0;
  step("start: before the report");
  const bool is_told = os::receive_all(ends_.second, &go, 1) == 1 &&
                       os::send_all(ends_.second, &header, sizeof header) &&
                       os::send_all(ends_.second, report.text.data(), text_bytes);
  step("start: reported");
  ends_.second.reset();
  return is_told;
}

void StartChannel::leave_in_child() noexcept {
  ends_.first.reset();
  ends_.second.reset();
}

void StartChannel::list_fds(std::vector<int>& fds) const {
  fds.insert(fds.end(), {ends_.first.get(), ends_.second.get()});
}

}  // namespace coproc::inline v0::process
