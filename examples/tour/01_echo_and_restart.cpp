// WorkerResource: a worker that echoes what it receives, started twice.
#include <coproc/coproc.hpp>

#include <unistd.h>

#include <iostream>
#include <string>

// The target: runs in the worker, which has its own memory. Its first parameter is this end of the link; the others are
// given to start().
void custom_echo_process(coproc::PriorityMessenger& host, bool verbose) {
  if (verbose) std::cout << "Starting process " << getpid() << std::endl;
  while (true) {
    // Waits for a message. When the host asks the worker to close, this throws ResourceRequestedClose, which ends it.
    const auto text = host.receive_blocking<std::string>();
    if (verbose) std::cout << "process " << getpid() << " received: " << text << std::endl;
    host.send_norequest(text);
  }
}

int main() {
  coproc::WorkerResource resource{custom_echo_process};
  std::cout << "WorkerResource(target=<function custom_echo_process>, is_alive="
            << (resource.is_alive() ? "True" : "False") << ")\n";

  resource.start(/*verbose=*/true);
  resource.stop();  // a close request first: the worker has printed its line before it meets that

  // The same object, a new process. terminate() sends SIGTERM and does not wait; join() waits for the end.
  resource.start(/*verbose=*/false);
  resource.terminate();
  resource.join();
}
