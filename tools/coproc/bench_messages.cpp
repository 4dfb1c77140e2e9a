#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "bench_works.hpp"
#include "coproc/coproc.hpp"
#include "limits/ring.hpp"
#include "os/pipe.hpp"

namespace command {

namespace {

namespace os = coproc::os;
using bench::now, bench::Peer, bench::pin_to, bench::Ring, bench::Shared;

struct Small {
  std::array<std::uint64_t, 8> words{};  // 64 bytes
};
/// 1 MiB. A word of each cache line is written by the sender and read by the receiver, and the first is 0 in the last.
struct Block {
  std::array<std::uint64_t, (1 << 20) / 8> words;

  void fill(std::uint64_t number) noexcept {
    for (std::size_t i = 0; i < words.size(); i += 8) words[i] = number;
  }
  bool is_last() const {
    for (std::size_t i = 0; i < words.size(); i += 8) check(words[i] == words[0]);
    return words[0] == 0;
  }
};

/// The processors of the two sides: two different ones, if this process may use two; -1: the system chooses.
std::pair<int, int> two_processors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) < 2) return {-1, -1};
  std::array<int, 2> found{};
  std::size_t count = 0;
  for (int i = 0; i < CPU_SETSIZE && count < found.size(); ++i) {
    if (CPU_ISSET(static_cast<unsigned>(i), &set)) found[count++] = i;
  }
  return {found[0], found[1]};
}

/// Keeps this thread on a processor for a while.
class Pinned {
 public:
  explicit Pinned(int processor) {
    has_before_ = ::sched_getaffinity(0, sizeof before_, &before_) == 0;
    pin_to(processor);
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  ~Pinned() {
    if (has_before_) (void)::sched_setaffinity(0, sizeof before_, &before_);
  }

 private:
  cpu_set_t before_;
  bool has_before_;
};

coproc::WorkerOptions options(bool spins = true) {
  coproc::WorkerOptions options;
  options.name = "bench";
  if (!spins) options.link.spin = std::chrono::nanoseconds(0);
  return options;
}

// ---- round trips ----

void echo(coproc::PriorityMessenger& host, int processor) {
  pin_to(processor);
  for (;;) host.send_reply(host.receive_blocking<Small>());
}

class RoundTrip : public BenchWork {
 public:
  explicit RoundTrip(bool spins) : worker_(&echo, options(spins)) { worker_.start(processors_.second); }

  double by_coproc(double scale) override {
    const Pinned pinned(processors_.first);
    return time_each(scale, [&](std::uint64_t i) {
      worker_.messenger().send_request(Small{{i}});
      return worker_.messenger().receive_blocking<Small>().words[0];
    });
  }

 protected:
  /// Microseconds of one round trip. `ask(i)` returns i.
  double time_each(double scale, const std::function<std::uint64_t(std::uint64_t)>& ask) const {
    const int rounds = static_cast<int>((is_asleep_ ? 2000 : 20000) * scale);
    for (std::uint64_t i = 0; i < 100; ++i) check(ask(i) == i);
    const double begin = now();
    for (int i = 0; i < rounds; ++i) check(ask(static_cast<std::uint64_t>(i)) == static_cast<std::uint64_t>(i));
    return (now() - begin) * 1e6 / rounds;
  }

  const std::pair<int, int> processors_ = two_processors();
  bool is_asleep_ = false;

 private:
  coproc::WorkerResource<decltype(&echo)> worker_;
};

class AwakeRoundTrip final : public RoundTrip {
 public:
  AwakeRoundTrip() : RoundTrip(true) {
    about.name = "round trip of 64 B, both awake";
    about.unit = "us";
    about.bare_name = "a bare ring in shared memory";
    about.published = {1.04, 0.94, 1.24};
  }
  double by_hand(double scale) override {
    const Pinned pinned(processors_.first);
    const Shared<std::pair<Ring<64>, Ring<64>>> rings;
    Peer peer(processors_.second, [&] {
      for (Small small;;) {
        rings->first.pop(&small);
        rings->second.push(&small);
        rings->second.publish();
      }
    });
    return time_each(scale, [&](std::uint64_t i) {
      Small small{{i}};
      rings->first.push(&small);
      rings->first.publish();
      rings->second.pop(&small);
      return small.words[0];
    });
  }
};

/// Sleeps until one of two descriptors has something, and reads it: the least that whoever also has to notice the
/// peer's end can do.
bool poll_and_read(const os::Fd& from, const os::Fd& other, Small& small) {
  std::array<pollfd, 2> both = {pollfd{from.get(), POLLIN, 0}, pollfd{other.get(), POLLIN, 0}};
  return ::poll(both.data(), both.size(), -1) > 0 &&
         ::read(from.get(), &small, sizeof small) == static_cast<ssize_t>(sizeof small);
}

class AsleepRoundTrip final : public RoundTrip {
 public:
  AsleepRoundTrip() : RoundTrip(false) {
    is_asleep_ = true;
    about.name = "round trip of 64 B, both asleep";
    about.unit = "us";
    about.bare_name = "poll on two descriptors and a read of a pipe";
    about.published = {1.04, 0.716, 1.13};
  }
  double by_hand(double scale) override {
    const Pinned pinned(processors_.first);
    const os::Pipe there = os::Pipe::create_for_input(), back = os::Pipe::create_for_input(),
                   silent = os::Pipe::create_for_input();
    Peer peer(processors_.second, [&] {
      for (Small small; poll_and_read(there.read_end, silent.read_end, small);)
        (void)!::write(back.write_end.get(), &small, sizeof small);
    });
    return time_each(scale, [&](std::uint64_t i) {
      Small small{{i}};
      (void)!::write(there.write_end.get(), &small, sizeof small);
      check(poll_and_read(back.read_end, silent.read_end, small));
      return small.words[0];
    });
  }
};

// ---- large messages ----

void take_blocks(coproc::MultiMessenger& host, int processor) {
  pin_to(processor);
  for (int blocks = 1;; ++blocks) {
    if (!host.receive_blocking<Block>().is_last()) continue;
    host.send_norequest(blocks);
    blocks = 0;
  }
}

class Copied final : public BenchWork {
 public:
  Copied() : worker_(&take_blocks, options()) {
    about.name = "1 MiB, copied";
    about.unit = "MB/s";
    about.bare_name = "a bare ring in pieces of 16 KiB";
    about.published = {0.86, 0.84, 0.86};
    worker_.start(processors_.second);
  }
  double by_coproc(double scale) override {
    const Pinned pinned(processors_.first);
    return rate(
        scale, [&] { worker_.messenger().send_norequest(*block_); },
        [&] { return worker_.messenger().receive_blocking<int>(); });
  }
  double by_hand(double scale) override {
    const Pinned pinned(processors_.first);
    struct Rings {
      Ring<sizeof(Block)> blocks;
      std::atomic<int> taken{0};
    };
    const Shared<Rings> rings;
    Peer peer(processors_.second, [&] {
      const auto block = std::make_unique<Block>();
      for (int blocks = 1;; ++blocks) {
        rings->blocks.pop(block.get());
        if (!block->is_last()) continue;
        rings->taken.store(blocks, std::memory_order_release);  // pairs with the acquire of the other side
        blocks = 0;
      }
    });
    return rate(
        scale,
        [&] {
          rings->blocks.push(block_.get());
          rings->blocks.publish();
        },
        [&] {
          int taken = 0;
          bench::spin_while([&] { return (taken = rings->taken.exchange(0, std::memory_order_acquire)) == 0; });
          return taken;
        });
  }

 private:
  template <class Send, class Receive>
  double rate(double scale, const Send& send, const Receive& receive) {
    double begin = 0;
    const int blocks = static_cast<int>(100 * scale);
    for (const int count : {4, blocks}) {  // the first ones are for warming up
      begin = now();
      for (int i = 1; i <= count; ++i) {
        block_->fill(static_cast<std::uint64_t>(count - i));
        send();
      }
      check(receive() == count);
    }
    return static_cast<double>(blocks) * sizeof(Block) / 1e6 / (now() - begin);
  }

  const std::pair<int, int> processors_ = two_processors();
  const std::unique_ptr<Block> block_ = std::make_unique<Block>();
  coproc::WorkerResource<decltype(&take_blocks)> worker_;
};

void borrow(coproc::PriorityMessenger& host, int processor) {
  pin_to(processor);
  for (;;) {
    const std::size_t size = host.receive_blocking<coproc::SharedBuffer<>>().size();  // it is given back at once
    host.send_reply(size);
  }
}

class Lent final : public BenchWork {
 public:
  Lent() : worker_(&borrow, options()) {
    about.name = "64 MiB, lent and not touched";
    about.unit = "us";
    about.bare_name = "64 B, lent";
    about.published = {1.01, 0.975, 1.02};
    worker_.start(processors_.second);
  }
  double by_coproc(double scale) override { return time_of(std::size_t{64} << 20, scale); }
  double by_hand(double scale) override { return time_of(64, scale); }

 private:
  double time_of(std::size_t bytes, double scale) {
    const Pinned pinned(processors_.first);
    double begin = 0;
    const int loans = static_cast<int>(2000 * scale);
    for (const int count : {10, loans}) {
      begin = now();
      for (int i = 0; i < count; ++i) {
        worker_.messenger().send_request(worker_.messenger().loan(bytes));
        check(worker_.messenger().receive_blocking<std::size_t>() == bytes);
      }
    }
    return (now() - begin) * 1e6 / loans;
  }

  const std::pair<int, int> processors_ = two_processors();
  coproc::WorkerResource<decltype(&borrow)> worker_;
};

}  // namespace

void add_messages(std::vector<std::unique_ptr<BenchWork>>& works) {
  works.push_back(std::make_unique<AwakeRoundTrip>());
  works.push_back(std::make_unique<AsleepRoundTrip>());
  works.push_back(std::make_unique<Copied>());
  works.push_back(std::make_unique<Lent>());
}

}  // namespace command
