// A flag that goes to the other processor and back, and carries nothing: no round trip is shorter.
//
// bench/run.py also runs it shortly before and after each measurement: on a virtual machine the distance between two
// processors changes by a factor of four as its host moves them.
#include <atomic>

#include "shared.hpp"
#include "work.hpp"

template <std::size_t Size>
class Flag {
 public:
  static constexpr std::size_t kLargest = 64;
  static constexpr bool kStreams = false;  // a second flag would overwrite the first

  void become_host() {}
  void become_peer() {
    mine_ = &flags_->peer;
    its_ = &flags_->host;
  }

  // One more than the number, so that none is 0.
  void send(std::uint64_t number) {
    mine_->store(number + 1, std::memory_order_release);
  }  // pairs with the acquire in receive
  std::uint64_t receive() {
    std::uint64_t next = seen_;
    bench::spin_while([&] { return (next = its_->load(std::memory_order_acquire)) == seen_; });
    seen_ = next;
    return next - 1;
  }

 private:
  struct Flags {
    alignas(128) std::atomic<std::uint64_t> host{0};
    alignas(128) std::atomic<std::uint64_t> peer{0};
  };
  bench::Shared<Flags> flags_;
  std::atomic<std::uint64_t>* mine_ = &flags_->host;
  std::atomic<std::uint64_t>* its_ = &flags_->peer;
  std::uint64_t seen_ = 0;
};

int main(int argc, char** argv) { return bench::run_pair<Flag>(argc, argv); }
