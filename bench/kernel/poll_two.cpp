// A pipe in each direction. Every read is preceded by a `poll` on two descriptors: the pipe, and one that shows the end
// of the other side. A wait that notices a death cannot cost less, so this is the mark for a messenger that sleeps.
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bytes.hpp"
#include "work.hpp"

template <std::size_t Size>
class PollTwo : public bench::ByteEnd<Size> {
 public:
  PollTwo() { this->open_pipes(); }
  PollTwo(const PollTwo&) = delete;
  PollTwo& operator=(const PollTwo&) = delete;
  ~PollTwo() override { ::close(pidfd_); }

  void become_host(const bench::Peer& process) {
    watch(process.pid());
    bench::ByteEnd<Size>::become_host();
  }
  void become_peer() {
    watch(getppid());
    bench::ByteEnd<Size>::become_peer();
  }

 private:
  void watch(pid_t pid) {
    pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (pidfd_ < 0) bench::throw_errno("pidfd_open");
  }
  void wait(int fd) override {
    pollfd entries[2] = {{fd, POLLIN, 0}, {pidfd_, POLLIN, 0}};
    if (poll(entries, 2, -1) < 0 && errno != EINTR) bench::throw_errno("poll");
    bench::check((entries[1].revents & POLLIN) == 0 || (entries[0].revents & POLLIN) != 0, "the other side is dead");
  }

  int pidfd_ = -1;
};

int main(int argc, char** argv) { return bench::run_pair<PollTwo>(argc, argv); }
