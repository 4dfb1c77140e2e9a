// Slots in shared memory, and for each direction two eventfds that count the full and the free slots.
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "shared.hpp"
#include "work.hpp"

/// One direction. A read of an eventfd takes its whole count, which may stand for many slots.
template <std::size_t Size>
class Slots {
 public:
  Slots() : full_(eventfd(0, EFD_CLOEXEC)), free_(eventfd(kSlots, EFD_CLOEXEC)) {
    if (full_ < 0 || free_ < 0) bench::throw_errno("eventfd");
  }

  void send(const bench::Payload<Size>& payload) {
    if (known_free_ == 0) known_free_ = take(free_);
    --known_free_;
    std::memcpy(&(*slots_)[at_++ % kSlots], &payload, Size);
    give(full_, 1);
  }
  void receive(bench::Payload<Size>& payload) {
    if (known_full_ == 0) {
      if (used_ != 0) give(free_, std::exchange(used_, 0));
      known_full_ = take(full_);
    }
    --known_full_;
    std::memcpy(&payload, &(*slots_)[at_++ % kSlots], Size);
    if (++used_ == kSlots / 2) give(free_, std::exchange(used_, 0));
  }

 private:
  static constexpr std::uint64_t kSlots = Size <= 32768 ? 65536 / Size : 2;

  static std::uint64_t take(int fd) {
    std::uint64_t count = 0;
    while (read(fd, &count, sizeof count) < 0) {
      if (errno != EINTR) bench::throw_errno("read of an eventfd");
    }
    return count;
  }
  static void give(int fd, std::uint64_t count) {
    if (write(fd, &count, sizeof count) < 0) bench::throw_errno("write to an eventfd");
  }

  int full_, free_;
  bench::Shared<std::array<bench::Payload<Size>, kSlots>> slots_;
  std::uint64_t at_ = 0, known_free_ = 0, known_full_ = 0, used_ = 0;  // private to each side after the fork
};

template <std::size_t Size>
class EventfdEnd {
 public:
  static constexpr bool kSleeps = true;

  void become_host() {}
  void become_peer() { std::swap(out_, in_); }
  void send(std::uint64_t number) {
    bench::make(payload_, number);
    out_->send(payload_);
  }
  std::uint64_t receive() {
    in_->receive(received_);
    return bench::number_of(received_);
  }

 private:
  Slots<Size> there_, back_;
  Slots<Size>*out_ = &there_, *in_ = &back_;
  bench::Payload<Size> payload_ = {}, received_ = {};
};

int main(int argc, char** argv) { return bench::run_pair<EventfdEnd>(argc, argv); }
