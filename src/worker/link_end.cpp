#include "worker/link_end.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <system_error>
#include <utility>

#include "coproc/codec.hpp"
#include "coproc/errors.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "messenger/refused.hpp"
#include "os/file.hpp"
#include "os/fork_guard.hpp"
#include "os/own_control_group.hpp"
#include "os/pipe.hpp"
#include "os/signals.hpp"
#include "process/lifeline.hpp"
#include "worker/run_target.hpp"

namespace coproc::inline v0 {

using detail::Core;
using detail::MessengerAccess;

LinkOptions limits_of(const HandedMessenger& handed) {
  LinkOptions link;
  link.max_message_bytes = handed.max_message_bytes;
  link.max_queued_bytes = handed.max_queued_bytes;
  link.spin = std::chrono::nanoseconds(handed.spin_ns);
  link.automatic_loans = handed.automatic_loans;
  return link;
}

HandedMessenger description_of(const link::Link& link, const LinkOptions& options, bool reorders) {
  return {link.end(),
          reorders,
          options.max_message_bytes,
          options.max_queued_bytes,
          options.spin.ns.count(),
          options.automatic_loans};
}

namespace {

constexpr std::size_t kMostFds = 5;

std::size_t fds_of(const EndDescription& end) {
  return 3U + (end.is_of_worker ? 1U : 0U) + (end.captures_stderr ? 1U : 0U);
}

std::unique_ptr<link::Link> open_link(const HandedMessenger& link, os::Fd memory, os::Fd wake_in, os::Fd wake_out) {
  return link::open_shm_end(link.end, std::move(memory), std::move(wake_in), std::move(wake_out),
                            std::chrono::nanoseconds(link.spin_ns));
}

constexpr std::chrono::nanoseconds kLongestSpin = std::chrono::milliseconds(10);

/// Opens the pipe anew: another process that shares the received file description could make its reads and writes
/// block.
os::Fd own_end_of_pipe(os::Fd fd, int mode) {
  if (!os::is_pipe(fd, mode))
    throw InvalidArgumentError("LinkEnd: the second and third descriptor must be the ends of pipes that fds() gave");
  return os::reopen_pipe(std::move(fd), mode);
}

template <class M>
constexpr bool kReorders = std::is_same_v<M, PriorityMessenger>;

}  // namespace

LinkEnd::LinkEnd() noexcept = default;
LinkEnd::LinkEnd(std::unique_ptr<Parts> parts) noexcept : parts_(std::move(parts)) {}
LinkEnd::LinkEnd(LinkEnd&&) noexcept = default;
LinkEnd& LinkEnd::operator=(LinkEnd&&) noexcept = default;
LinkEnd::~LinkEnd() = default;
void LinkEnd::close() noexcept { parts_.reset(); }

LinkEnd::LinkEnd(Messenger&& unused) {
  Core* const core = MessengerAccess::core(unused);
  if (core == nullptr) throw InvalidArgumentError("LinkEnd: this messenger has no link");
  const auto& link = core->underlying_link();
  const auto [memory, wake_in, wake_out] = link.fds_to_hand_over();
  auto parts = std::make_unique<Parts>();
  parts->description.link = description_of(link, core->options().link, core->options().reorders);
  detail::name_refusals("LinkEnd: no descriptors for this end",
                        [&, memory = memory, wake_in = wake_in, wake_out = wake_out] {
                          parts->memory = os::duplicate(memory);
                          parts->wake_in = os::duplicate(wake_in);
                          parts->wake_out = os::duplicate(wake_out);
                        });
  MessengerAccess::release_core(unused);
  parts_ = std::move(parts);
}

LinkEnd::LinkEnd(std::span<const int> fds, std::string_view description) : parts_(std::make_unique<Parts>()) {
  std::array<os::Fd*, kMostFds> places{&parts_->memory, &parts_->wake_in, &parts_->wake_out, &parts_->lifeline,
                                       &parts_->errors};
  for (std::size_t i = 0; i < fds.size(); ++i) {
    os::Fd taken(fds[i]);
    if (i < places.size()) *places[i] = std::move(taken);
  }
  EndDescription& read = parts_->description;
  try {
    Decoder decoder(std::as_bytes(std::span(description)), description.size() + 4096);
    decode_into(decoder, read);
    decoder.finish();
  } catch (const DecodeError& error) {
    throw InvalidArgumentError(std::string("LinkEnd: this is no description of an end: ") + error.what());
  }
  if (read.version != EndDescription().version || fds.size() != fds_of(read) ||
      (read.captures_stderr && !read.is_of_worker) || (read.link.end != 0 && read.link.end != 1)) {
    throw InvalidArgumentError(
        "LinkEnd: the description does not fit the descriptors, or comes from another version of coproc: give what "
        "fds() and "
        "description() of one and the same end gave, in that order");
  }
}

std::vector<int> LinkEnd::fds() const {
  std::vector<int> fds;
  if (parts_ == nullptr) return fds;
  fds = {parts_->memory.get(), parts_->wake_in.get(), parts_->wake_out.get()};
  if (parts_->description.is_of_worker) fds.push_back(parts_->lifeline.get());
  if (parts_->description.captures_stderr) fds.push_back(parts_->errors.get());
  return fds;
}

std::string LinkEnd::description() const {
  if (parts_ == nullptr) return {};
  detail::Buffer bytes;
  Encoder encoder(bytes, std::size_t{1} << 40);  // a state has its own limit
  encode(encoder, parts_->description);
  const auto written = encoder.written();
  return {reinterpret_cast<const char*>(written.data()), written.size()};
}

void LinkEnd::redirect_stderr() {
  if (parts_ == nullptr || !parts_->errors) return;
  detail::name_refusals("LinkEnd: stderr cannot be redirected", [&] { os::put_at(parts_->errors, STDERR_FILENO); });
}

void LinkEnd::enter_control_group() {
  if (parts_ == nullptr || parts_->description.control_group.empty()) return;
  try {
    os::enter_control_group(std::exchange(parts_->description.control_group, {}));
  } catch (const std::system_error& error) {
    throw SandboxError(std::string("LinkEnd: this process could not enter the control group of its worker: ") +
                       error.what());
  }
}

LinkEnd::Parts LinkEnd::take(bool is_of_worker) {
  if (parts_ == nullptr)
    throw InvalidArgumentError("LinkEnd: this end was opened or closed before: it can be opened once");
  if (parts_->description.is_of_worker != is_of_worker) {
    throw InvalidArgumentError(is_of_worker ? "LinkEnd: only the end of an AdoptedWorker can be run; open() this one"
                                            : "LinkEnd: this end is an AdoptedWorker's: run() it in the worker");
  }
  Parts parts = std::move(*parts_);
  parts_.reset();
  return parts;
}

template <class M>
M LinkEnd::open(const LinkOptions& most) {
  link::check_link_options(most);
  Parts parts = take(false);
  HandedMessenger& link = parts.description.link;
  if (link.max_message_bytes == 0 || link.max_queued_bytes == 0)
    throw InvalidArgumentError("LinkEnd: its description says that nothing may be sent: it was not made by coproc");
  link.max_message_bytes = std::min<std::uint64_t>(link.max_message_bytes, most.max_message_bytes);
  link.max_queued_bytes = std::min<std::uint64_t>(link.max_queued_bytes, most.max_queued_bytes);
  link.spin_ns = std::clamp<std::int64_t>(link.spin_ns, 0, kLongestSpin.count());
  detail::CoreOptions options;
  options.reorders = kReorders<M>;
  options.link = limits_of(link);
  return detail::name_refusals("LinkEnd: this end cannot be opened", [&] {
    parts.wake_in = own_end_of_pipe(std::move(parts.wake_in), O_RDONLY);
    parts.wake_out = own_end_of_pipe(std::move(parts.wake_out), O_WRONLY);
    return MessengerAccess::make<M>(std::make_unique<Core>(
        open_link(link, std::move(parts.memory), std::move(parts.wake_in), std::move(parts.wake_out)),
        std::move(options)));
  });
}

template <class M>
int LinkEnd::run(const std::function<void(M&)>& target) {
  redirect_stderr();
  enter_control_group();
  Parts parts = take(true);
  const EndDescription& end = parts.description;
  auto link = open_link(end.link, std::move(parts.memory), std::move(parts.wake_in), std::move(parts.wake_out));
  // Never freed: it must outlive everything that the target does, and ends with the process.
  static process::Lifeline* lifeline = nullptr;
  static unsigned long generation = 0;
  if (lifeline != nullptr && generation == os::fork_generation()) {
    throw InvalidArgumentError("LinkEnd: this process is a worker already");
  }
  lifeline = new process::Lifeline(std::move(parts.lifeline));
  generation = os::fork_generation();
  lifeline->end_with_host();
  if (!end.heeds_signals_of_others) os::heed_host_only(end.host_pid);
  take_given(std::exchange(parts.description.state, std::nullopt), end.link.max_message_bytes);
  M messenger = MessengerAccess::make<M>(make_worker_core(std::move(link), limits_of(end.link), kReorders<M>,
                                                          end.host_pid, end.reports_crashes, end.max_state_bytes));
  return run_target([&] { target(messenger); }, messenger);
}

template COPROC_API PriorityMessenger LinkEnd::open<PriorityMessenger>(const LinkOptions&);
template COPROC_API MultiMessenger LinkEnd::open<MultiMessenger>(const LinkOptions&);
template COPROC_API int LinkEnd::run<PriorityMessenger>(const std::function<void(PriorityMessenger&)>& target);
template COPROC_API int LinkEnd::run<MultiMessenger>(const std::function<void(MultiMessenger&)>& target);

}  // namespace coproc::inline v0
