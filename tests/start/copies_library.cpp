// A shared library that uses workers and has a static coproc of its own: nobody who uses it need know.
#include <coproc/coproc.hpp>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <vector>

struct TooHard : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace {

void add(coproc::PriorityMessenger& host, int value) {
  host.send_norequest(value + 1);
  (void)host.receive_blocking<bool>();
  host.send_error(TooHard("too hard"));
}

int square(int value) { return value * value; }

bool works(coproc::StartMethod method) {
  coproc::WorkerResource worker{&add, {.method = method}};
  worker.start(1);
  if (worker.messenger().receive_blocking<int>() != 2) return false;
  worker.messenger().send_norequest(true);
  try {
    worker.messenger().receive_blocking<int>();
    return false;
  } catch (const TooHard&) {}
  coproc::Pool pool{{.workers = 2}};
  return pool.map(&square, std::vector{1, 2, 3}).collect() == std::vector{1, 4, 9};
}

}  // namespace

/// False, and a line that says why, where something goes wrong.
__attribute__((visibility("default"))) bool library_works() {
  try {
    for (const auto method : {coproc::StartMethod::automatic, coproc::StartMethod::fork_server,
                              coproc::StartMethod::spawn, coproc::StartMethod::fork}) {
      if (!works(method)) return false;
    }
    return true;
  } catch (const std::exception& error) {
    std::printf("the library: %s\n", error.what());
    return false;
  }
}
