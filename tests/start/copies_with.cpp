// A program that contains coproc, as does a library that it is linked with: both have workers at once.
#include <coproc/coproc.hpp>

#include <vector>

bool library_works();

namespace {

void echo(coproc::PriorityMessenger& host) {
  for (;;) host.send_reply(host.receive_blocking<int>());
}

}  // namespace

int main() {
  coproc::WorkerResource worker{&echo};
  worker.start();
  if (!library_works()) return 1;
  worker.messenger().send_request(3);
  if (worker.messenger().receive_blocking<int>() != 3) return 1;
  return worker.stop().success() ? 0 : 1;
}
