// POSIX message queues, as large as any user may make them: 10 messages of 8 KiB.
#include <fcntl.h>
#include <mqueue.h>
#include <unistd.h>

#include <string>

#include "work.hpp"

template <std::size_t Size>
class QueueEnd {
 public:
  static constexpr bool kSleeps = true;
  static constexpr std::size_t kLargest = 8192;

  QueueEnd() : out_(open("there")), in_(open("back")) {}
  void become_host() {}
  void become_peer() { std::swap(out_, in_); }

  void send(std::uint64_t number) {
    bench::make(payload_, number);
    while (mq_send(out_, reinterpret_cast<const char*>(&payload_), Size, 0) != 0) {
      if (errno != EINTR) bench::throw_errno("mq_send");
    }
  }
  std::uint64_t receive() {
    ssize_t n = 0;
    while ((n = mq_receive(in_, reinterpret_cast<char*>(&received_), Size, nullptr)) < 0) {
      if (errno != EINTR) bench::throw_errno("mq_receive");
    }
    bench::check(n == static_cast<ssize_t>(Size), "a message of another size");
    return bench::number_of(received_);
  }

 private:
  /// The name is removed at once, so that nothing is left behind.
  static mqd_t open(const char* way) {
    const std::string name = "/coproc_bench_" + std::to_string(getpid()) + "_" + way;
    mq_attr attributes{};
    attributes.mq_maxmsg = 10;
    attributes.mq_msgsize = std::min<long>(Size, kLargest);
    const mqd_t queue = mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
    if (queue == static_cast<mqd_t>(-1)) bench::throw_errno("mq_open");
    mq_unlink(name.c_str());
    return queue;
  }

  mqd_t out_, in_;
  bench::Payload<Size> payload_ = {}, received_ = {};
};

int main(int argc, char** argv) { return bench::run_pair<QueueEnd>(argc, argv); }
