#include "coproc/messenger.hpp"

#include <poll.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "link/link.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "messenger/supervised.hpp"
#include "os/fork_guard.hpp"
#include "os/wait_hook.hpp"

namespace coproc::inline v0 {

using detail::Core;
using detail::supervised;
using detail::with_memory;
using link::FrameKind;

namespace {

constexpr Timeout kNoTime(std::chrono::seconds(0));  // for calls that do not wait

}  // namespace

Messenger::Messenger() noexcept = default;
Messenger::Messenger(std::unique_ptr<Core> core) noexcept : core_(std::move(core)) {}
Messenger::Messenger(Messenger&&) noexcept = default;
Messenger& Messenger::operator=(Messenger&&) noexcept = default;
Messenger::~Messenger() = default;

void Messenger::throw_no_link() {
  throw NoLinkError(
      "this messenger has no link: its worker was never started (call start() first), or the messenger was moved "
      "from");
}

bool Messenger::try_send(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options) {
  return supervised(core(), kNoTime, [&](const Timeout&) { return core_->try_send(value, channel, options.priority); });
}
std::optional<RequestId> Messenger::try_send_request(const detail::Outgoing& value, const ChannelId& channel,
                                                     const SendOptions& options) {
  const auto id = supervised(core(), kNoTime,
                             [&](const Timeout&) { return core_->try_send_request(value, channel, options.priority); });
  return id ? std::optional(RequestId{*id}) : std::nullopt;
}
void Messenger::call(const detail::Outgoing& request, const ChannelId& channel, const detail::Incoming& reply,
                     Timeout timeout) {
  const os::Deadline deadline(timeout.ns);
  const RequestId id = send_request(request, channel, {.timeout = timeout});
  try {
    receive_reply(id, reply, deadline.remaining());
  } catch (...) {
    core_->discard_reply(static_cast<std::uint64_t>(id));  // if it is an error of the peer, there is none any more
    throw;
  }
}
void Messenger::discard_reply(RequestId id) {
  if (core().discard_reply(static_cast<std::uint64_t>(id))) return;
  throw NoRequestError("request " + std::to_string(static_cast<std::uint64_t>(id)) +
                       " is not outstanding: it was not sent here, or its reply has been received or given up");
}
void Messenger::reply_to(const Message& request, const detail::Outgoing& value, const SendOptions& options) {
  supervised(core(), options, [&](const SendOptions& now) { core_->reply_to(request, value, now); });
}
void Messenger::reply_error_to(const Message& request, const detail::ErrorType& type, const void* error,
                               const SendOptions& options) {
  supervised(core(), options, [&](const SendOptions& now) { core_->reply_error_to(request, type, error, now); });
}
void Messenger::reply_exception_to(const Message& request, const SendOptions& options) {
  supervised(core(), options, [&](const SendOptions& now) { core_->reply_exception_to(request, now); });
}
void Messenger::send_error(const detail::ErrorType& type, const void* error, const SendOptions& options) {
  supervised(core(), options, [&](const SendOptions& now) { core_->send_error(type, error, now); });
}
void Messenger::send_close_request() { core().send_close_request(); }
void Messenger::send_end(const SendOptions& options) {
  supervised(core(), options, [&](const SendOptions& now) { core_->send_end(now); });
}
void Messenger::keep_latest(const ChannelId& channel) {
  with_memory(core(), [&] { core_->keep_latest(channel); });
}
bool Messenger::end_received() const noexcept { return core_ != nullptr && core_->end_received(); }
detail::LoanHandle Messenger::lend(std::size_t count, std::size_t size) {
  return with_memory(core(), [&] { return core_->lend(count, size); });
}
void Messenger::begin_batch() { core().begin_batch(); }
void Messenger::end_batch() noexcept { core_->end_batch(); }

void Messenger::receive_all(const ChannelId& channel, const detail::Incoming& to) {
  supervised(core(), kNoTime, [&](const Timeout&) {
    core_->receive_all(channel, to);
    return true;
  });
}
void Messenger::receive_reply(RequestId id, const detail::Incoming& to, Timeout timeout) {
  try {
    supervised(core(), timeout, [&](const Timeout& time) { core_->receive_reply(id, to, time); });
  } catch (const WorkerDiedError&) {
    core_->forget_failure(id);  // this was its error
    throw;
  }
}
bool Messenger::receive_next_reply(const ChannelId& channel, const detail::Incoming& to, Timeout timeout) {
  return supervised(core(), timeout, [&](const Timeout& time) { return core_->receive_next_reply(channel, to, time); });
}

void Messenger::put_back(Message&& message) {
  with_memory(core(), [&] { core_->put_back(message); });
}

std::size_t Messenger::available(const ChannelId& channel) {
  return supervised(core(), kNoTime, [&](const Timeout&) { return core_->available(channel); });
}
std::size_t Messenger::queued(const ChannelId& channel) const noexcept {
  return core_ == nullptr ? 0 : core_->queued(channel);
}
std::size_t Messenger::remaining(const ChannelId& channel) const noexcept {
  return core_ == nullptr ? 0 : core_->remaining(channel);
}
ChannelCounts Messenger::counts(const ChannelId& channel) const noexcept {
  return core_ == nullptr ? ChannelCounts() : core_->counts(channel);
}
bool Messenger::close_requested() const noexcept { return core_ != nullptr && core_->close_requested(); }
void Messenger::interrupt() noexcept {
  const os::ForkLock lock;  // since the thread that uses the messenger may replace the core: see set_core()
  if (core_ != nullptr) core_->interrupt();
}
int Messenger::native_handle() { return core().native_handle(); }

namespace {

template <class M>
std::pair<M, M> make_messenger_pair(const LinkOptions& link, bool reorders) {
  auto [a, b] = detail::name_refusals("no new pair of messengers", [&] { return link::make_shm_pair(link); });
  detail::CoreOptions options;
  options.reorders = reorders;
  options.link = link;
  using Access = detail::MessengerAccess;
  auto first = Access::make<M>(std::make_unique<Core>(std::move(a), options));
  auto second = Access::make<M>(std::make_unique<Core>(std::move(b), options));
  return {std::move(first), std::move(second)};
}

}  // namespace

std::pair<PriorityMessenger, PriorityMessenger> PriorityMessenger::new_pair(const LinkOptions& options) {
  return make_messenger_pair<PriorityMessenger>(options, true);
}
std::pair<MultiMessenger, MultiMessenger> MultiMessenger::new_pair(const LinkOptions& options) {
  return make_messenger_pair<MultiMessenger>(options, false);
}

std::optional<std::size_t> wait_any(std::span<Messenger* const> messengers, Timeout timeout) {
  return detail::MessengerAccess::wait_any(messengers, nullptr, timeout);
}

std::optional<std::size_t> detail::MessengerAccess::wait_any(std::span<Messenger* const> messengers,
                                                             const ChannelId* replies_of, Timeout timeout) {
  constexpr std::size_t kEach = link::Link::kSleepFds;
  const os::Deadline deadline(timeout.ns);
  std::vector<pollfd> fds(kEach * messengers.size(), pollfd{-1, 0, 0});
  const auto fds_of = [&](std::size_t i) { return Core::SleepFds(fds.data() + kEach * i, kEach); };
  for (bool is_last = false;;) {
    for (std::size_t i = 0; i < messengers.size(); ++i) {
      if (messengers[i]->core().has_work(replies_of)) return i;
    }
    if (is_last) return std::nullopt;
    is_last = deadline.passed();  // one more round, which polls once, to see interrupts and ended peers

    // Each messenger whose begin_sleep() was called needs its end_sleep(), also if something throws.
    struct Sleepers {
      std::span<Messenger* const> messengers;
      decltype(fds_of)& fds;
      std::size_t count = 0;
      bool are_interrupted = false;
      void end() {
        while (count != 0) {
          --count;
          if (messengers[count]->core().end_sleep(fds(count))) are_interrupted = true;
        }
      }
      ~Sleepers() {
        try {
          end();
        } catch (...) {
          // Another exception is already on its way to the caller.
        }
      }
    } sleepers{messengers, fds_of};
    auto time = deadline.remaining();
    while (sleepers.count < messengers.size()) {
      time = std::min(time, messengers[sleepers.count]->core().begin_sleep(fds_of(sleepers.count)));
      ++sleepers.count;
    }
    const bool sleeps = is_last || time > std::chrono::nanoseconds::zero();
    const bool found_nothing = sleeps && detail::name_refusals("the wait for several messengers", [&] {
                                 return os::poll_slice(fds, os::Deadline(time), true) != os::PollEnd::ready;
                               });
    sleepers.end();
    if (found_nothing) os::run_wait_hook();
    if (sleepers.are_interrupted) {
      throw InterruptedError("the wait for several messengers was interrupted: nothing was lost");
    }
  }
}

}  // namespace coproc::inline v0
