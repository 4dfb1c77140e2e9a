// Channels: independent streams of messages inside a link, each with its own queue and its own count of requests.
#include <coproc/coproc.hpp>

#include <iostream>
#include <string>

enum class Channels { DATA = 1, WARNING = 2 };

void afourth_echo_process(coproc::PriorityMessenger& host) {
  while (true) {
    std::string data;
    try {
      data = host.receive_blocking<std::string>(Channels::DATA);
    } catch (const coproc::ResourceRequestedClose&) {
      break;
    }
    if (data.size() < 10) host.send_norequest("warning: data must be positive", Channels::WARNING);
    // Either way, echo the data.
    host.send_reply(data, Channels::DATA);
  }
}

std::string receive_print_warnings(const std::string& message, coproc::PriorityMessenger& messenger) {
  messenger.send_request(message, Channels::DATA);
  std::cout << "messenger.remaining(Channels.DATA)=" << messenger.remaining(Channels::DATA) << '\n';

  auto data = messenger.receive_blocking<std::string>(Channels::DATA);
  std::cout << "messenger.remaining(Channels.DATA)=" << messenger.remaining(Channels::DATA) << '\n';

  for (const auto& warning : messenger.receive_available<std::string>(Channels::WARNING)) std::cout << warning << '\n';
  return data;
}

int main() {
  coproc::WorkerResource worker{afourth_echo_process};
  worker.start();
  std::cout << receive_print_warnings("hello", worker.messenger()) << '\n';
  std::cout << receive_print_warnings("world", worker.messenger()) << '\n';
  std::cout << receive_print_warnings("hello world!", worker.messenger()) << '\n';
}
