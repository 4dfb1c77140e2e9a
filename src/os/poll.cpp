#include "os/poll.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/select.h>

#include <algorithm>
#include <array>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

namespace {

/// A set of descriptors by number, as pselect() takes them. It may have more of them than an fd_set.
class DescriptorSet {
 public:
  static constexpr int kMost = 16'384;  // 2 KiB, as this is used in signal handlers, too

  void add(int fd) noexcept { word_of(fd) |= bit_of(fd); }
  bool has(int fd) noexcept { return (word_of(fd) & bit_of(fd)) != 0; }
  fd_set* raw() noexcept {
    return reinterpret_cast<fd_set*>(words_.data());
  }  // NOLINT: the kernel takes a length with it

 private:
  static constexpr int kBits = 8 * sizeof(unsigned long);
  static unsigned long bit_of(int fd) noexcept { return 1UL << (fd % kBits); }
  unsigned long& word_of(int fd) noexcept { return words_[static_cast<std::size_t>(fd / kBits)]; }

  std::array<unsigned long, kMost / kBits> words_{};
};

/// Whether a readable `fd` is at its end, which is so if there is nothing in it. Only if nobody else reads from it.
bool is_at_end(int fd) noexcept {
  int bytes = 0;
  return ::ioctl(fd, FIONREAD, &bytes) == 0 && bytes == 0;
}

int select_instead(std::span<pollfd> fds, const timespec* limit) {
  constexpr timespec kAtOnce{0, 0};
  DescriptorSet readable, writable;
  int end = 0, found = 0;
  for (pollfd& entry : fds) {
    entry.revents = 0;
    if (entry.fd < 0) continue;
    if (entry.fd >= DescriptorSet::kMost) {
      errno = EINVAL;
      return -1;
    }
    if (::fcntl(entry.fd, F_GETFD) < 0) {
      entry.revents = POLLNVAL;
      ++found;
      continue;
    }
    if ((entry.events & POLLIN) != 0) readable.add(entry.fd);
    if ((entry.events & POLLOUT) != 0) writable.add(entry.fd);
    end = std::max(end, entry.fd + 1);
  }
  const int ready = ::pselect(end, readable.raw(), writable.raw(), nullptr, found != 0 ? &kAtOnce : limit, nullptr);
  if (ready < 0) return -1;
  if (ready == 0) return found;
  for (pollfd& entry : fds) {
    if (entry.fd < 0 || entry.revents != 0) continue;
    if ((entry.events & POLLIN) != 0 && readable.has(entry.fd)) {
      entry.revents = static_cast<short>(is_at_end(entry.fd) ? POLLIN | POLLHUP : POLLIN);
    }
    if ((entry.events & POLLOUT) != 0 && writable.has(entry.fd)) entry.revents |= POLLOUT;
    if (entry.revents != 0) ++found;
  }
  return found;
}

/// `call` is given a function that makes the system call.
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
  const int ready = call([&] { return poll_within(fds, limit); });
  if (ready > 0) return PollEnd::ready;
  if (ready == 0) return PollEnd::timed_out;
  if (errno == EINTR) return PollEnd::interrupted;
  throw_errno("ppoll", fds.size());
}

}  // namespace

int poll_within(std::span<pollfd> fds, const timespec* limit) {
  const int ready = ::ppoll(fds.data(), static_cast<nfds_t>(fds.size()), limit, nullptr);
  // EINVAL: there are more entries than RLIMIT_NOFILE allows now, whatever is open. The other errors come from
  // filters.
  const bool is_refused = ready < 0 && (errno == EINVAL || errno == ENOSYS || errno == EPERM);
  return is_refused ? select_instead(fds, limit) : ready;
}

PollEnd poll_once(std::span<pollfd> fds, const Deadline& deadline) {
  return poll_by([](auto poll) { return call_once(poll); }, fds, deadline);
}

PollEnd poll_or_unwind(std::span<pollfd> fds, const Deadline& deadline) {
  return poll_by([](auto poll) { return should_fail() ? -1 : poll(); }, fds, deadline);
}

}  // namespace coproc::inline v0::os
