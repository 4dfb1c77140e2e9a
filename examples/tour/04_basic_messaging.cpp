// Messages without a reply: send_norequest and receive_blocking.
#include <coproc/coproc.hpp>

#include <unistd.h>

#include <iostream>
#include <string>

void custom_echo_process(coproc::PriorityMessenger& host, bool verbose) {
  if (verbose) std::cout << "Starting process " << getpid() << std::endl;
  while (true) {
    const auto text = host.receive_blocking<std::string>();
    if (verbose) std::cout << "process " << getpid() << " received: " << text << std::endl;
    host.send_norequest(text);
  }
}

int main() {
  coproc::WorkerResource worker{custom_echo_process};
  worker.start(/*verbose=*/true);
  worker.messenger().send_norequest("hello");
  std::cout << worker.messenger().receive_blocking<std::string>() << '\n';
}
