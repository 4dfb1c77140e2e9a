// What has come so far: available() and receive_available() never wait.
#include <coproc/coproc.hpp>

#include <iostream>
#include <string>
#include <thread>

// Replies when it is told to on the channel "go", so that the host can look before and after.
void patient_echo_process(coproc::PriorityMessenger& host) {
  while (true) {
    const auto text = host.receive_blocking<std::string>();
    host.receive_blocking<bool>("go");
    host.send_reply(text);
  }
}

int main() {
  coproc::WorkerResource worker{patient_echo_process};
  worker.start();
  coproc::PriorityMessenger& messenger = worker.messenger();

  std::cout << messenger.available() << '\n';
  messenger.send_request("hello");
  std::cout << messenger.available() << '\n';

  messenger.send_norequest(true, "go");
  while (messenger.available() == 0) std::this_thread::yield();  // other work would go here
  std::cout << messenger.available() << '\n';

  std::cout << '[';
  const char* separator = "";
  for (const std::string& text : messenger.receive_available<std::string>()) {
    std::cout << separator << '\'' << text << '\'';
    separator = ", ";
  }
  std::cout << "]\n";
}
