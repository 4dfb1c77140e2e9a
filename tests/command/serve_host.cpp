// A host whose workers have the names that it is given, for the tests of `coproc serve`. It talks to the first one, and
// each worker that ends is started again. It prints "ready", and ends with its stdin.
#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <poll.h>

#include <iostream>
#include <list>
#include <string>

namespace {

void echo(coproc::PriorityMessenger& host) {
  while (true) host.send_reply(host.receive_blocking<std::string>());
}

coproc::WorkerOptions named(const char* name) {
  coproc::WorkerOptions options;
  options.name = name;
  options.stop.close = std::chrono::seconds(0);
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  std::list<coproc::Supervised<decltype(&echo)>> workers;
  const coproc::RestartOptions restarts = {.when = coproc::RestartWhen::always,
                                           .most = 1000,
                                           .backoff = {.then = std::chrono::milliseconds(1), .factor = 1}};
  for (int i = 1; i < argc; ++i) workers.emplace_back(&echo, named(argv[i]), restarts).start();
  std::cout << "ready" << std::endl;
  pollfd input = {0, POLLIN, 0};
  while (::poll(&input, 1, 20) == 0) {
    for (auto& worker : workers) {
      try {
        (void)worker.look();
      } catch (const coproc::WorkerDiedError&) {
        // It has ended, and another one took its place.
      }
    }
    try {
      workers.front().messenger().send_request(std::string(1000, 'x'));
      (void)workers.front().messenger().receive_blocking<std::string>();
    } catch (const coproc::WorkerDiedError&) {
      // Killed between the question whether it lives and the answer.
    }
  }
}
