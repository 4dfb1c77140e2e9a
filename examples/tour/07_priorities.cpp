// Messages of your own types, and priorities: the lower number is returned first.
#include <coproc/coproc.hpp>

#include <iostream>
#include <string>
#include <thread>

// Any aggregate is a message; a numeric member `priority` is its priority.
struct WarningMessage {
  std::string message;
  int priority = 0;  // returned first
};

struct DataMessage {
  int data = 0;
  int priority = 1;  // returned later
};

void athird_echo_process(coproc::PriorityMessenger& host) {
  while (true) {
    const int number = host.receive_blocking<int>();
    host.send_reply(DataMessage{.data = number});
    if (number < 0) host.send_norequest(WarningMessage{.message = "negative number"});
  }
}

/// Waits until as many messages have come, and prints them in the order in which they are returned.
void print_available(coproc::PriorityMessenger& messenger, std::size_t expected) {
  while (messenger.available() < expected) std::this_thread::yield();
  std::cout << '[';
  const char* separator = "";
  for (const coproc::Message& message : messenger.receive_available()) {
    std::cout << separator;
    message.match(
        [](const WarningMessage& w) {
          std::cout << "WarningMessage(message='" << w.message << "', priority=" << w.priority << ')';
        },
        [](const DataMessage& d) { std::cout << "DataMessage(data=" << d.data << ", priority=" << d.priority << ')'; });
    separator = ", ";
  }
  std::cout << "]\n";
}

int main() {
  coproc::WorkerResource worker{athird_echo_process};
  worker.start();

  worker.messenger().send_request(1);
  print_available(worker.messenger(), 1);

  // The warning was sent after the data, and is returned before it.
  worker.messenger().send_request(-1);
  print_available(worker.messenger(), 2);
}
