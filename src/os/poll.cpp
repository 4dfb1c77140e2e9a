#include "os/poll.hpp"

#include <time.h>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

namespace {

/// `call`: what makes the system call, given a function that is it.
template <class Call>
PollEnd poll_by(Call call, std::span<pollfd> fds, const Deadline& deadline) {
  timespec left{};
  const timespec* limit = nullptr;
  if (!deadline.is_forever()) {
    const auto ns = deadline.remaining().count();
    left.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
    left.tv_nsec = static_cast<long>(ns % 1'000'000'000);
    limit = &left;
  }
  const int ready = call([&] { return ::ppoll(fds.data(), static_cast<nfds_t>(fds.size()), limit, nullptr); });
  if (ready > 0) return PollEnd::ready;
  if (ready == 0) return PollEnd::timed_out;
  if (errno == EINTR) return PollEnd::interrupted;
  throw_errno("ppoll", fds.size());
}

}  // namespace

PollEnd poll_once(std::span<pollfd> fds, const Deadline& deadline) {
  return poll_by([](auto poll) { return call_once(poll); }, fds, deadline);
}

PollEnd poll_or_unwind(std::span<pollfd> fds, const Deadline& deadline) {
  return poll_by([](auto poll) { return should_fail() ? -1 : poll(); }, fds, deadline);
}

}  // namespace coproc::inline v0::os
