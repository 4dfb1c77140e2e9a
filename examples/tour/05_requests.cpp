// Requests: messages that expect a reply, counted until it has been received.
#include <coproc/coproc.hpp>

#include <iostream>
#include <string>

// Answers text with text and numbers with numbers. send_reply answers the oldest request that was received and is not
// answered yet.
void another_echo_process(coproc::PriorityMessenger& host) {
  while (true) {
    const coproc::Message message = host.receive_blocking();
    message.match([&](const std::string& text) { host.send_reply(text); },
                  [&](int number) { host.send_reply(number); });
  }
}

int main() {
  coproc::WorkerResource worker{another_echo_process};
  worker.start();
  coproc::PriorityMessenger& messenger = worker.messenger();

  std::cout << messenger.remaining() << '\n';
  messenger.send_request("hello");
  std::cout << messenger.remaining() << '\n';
  std::cout << messenger.receive_blocking<std::string>() << '\n';
  std::cout << messenger.remaining() << '\n';

  messenger.send_request_multiple({0, 1, 2});
  for (const int reply : messenger.receive_remaining<int>()) std::cout << reply << '\n';
}
