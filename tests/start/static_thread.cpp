// A static initialiser that starts a thread: what is forked from such a process may find locks held for ever.
#include <atomic>
#include <thread>

namespace {

struct Background {
  Background()
      : thread([this] {
          while (!ends) std::this_thread::yield();
        }) {}
  ~Background() {
    ends = true;
    thread.join();
  }
  std::atomic<bool> ends{false};
  std::thread thread;
} background;

}  // namespace
