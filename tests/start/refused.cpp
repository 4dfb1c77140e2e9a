// A worker by the fork server cannot be started in this program: checks that the error says what its argument says, and
// that plain fork works all the same.
#include <coproc/coproc.hpp>

#include <cstdio>
#include <string>

using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

void target(PriorityMessenger& host) { host.send_norequest(1); }

}  // namespace

int main(int, char** argv) {
  WorkerResource worker{&target};
  try {
    worker.start();
    std::puts("it started");
    return 1;
  } catch (const coproc::StartError& error) {
    std::printf("%s: %s\n", error.stage().c_str(), error.what());
    if (std::string(error.what()).find(argv[1]) == std::string::npos) return 1;
  }
  WorkerResource forked{&target, {.method = coproc::StartMethod::fork}};
  forked.start();
  return forked.messenger().receive_blocking<int>() == 1 ? 0 : 1;
}
