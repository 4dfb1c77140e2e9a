// System messages: an error that the other side's next receive throws, and the request to close.
#include <coproc/coproc.hpp>

#include <iostream>
#include <stdexcept>

// Travels as its what(), since it derives from std::exception and can be built from text.
struct ValueError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void afifth_echo_process(coproc::PriorityMessenger& host) {
  while (true) {
    int data = 0;
    try {
      data = host.receive_blocking<int>();
    } catch (const coproc::ResourceRequestedClose&) {
      break;
    }
    if (data >= 0) {
      host.send_reply(data);
    } else {
      host.send_error(ValueError("data must be positive"));
    }
  }
}

int main() {
  coproc::WorkerResource worker{afifth_echo_process};
  worker.start();

  // An ordinary request and its reply.
  worker.messenger().send_request(1);
  std::cout << worker.messenger().receive_blocking<int>() << '\n';

  // This request makes the worker send an error.
  worker.messenger().send_request(-1);
  try {
    std::cout << worker.messenger().receive_blocking<int>() << '\n';
  } catch (const ValueError& error) {
    std::cout << "<class 'ValueError'> " << error.what() << '\n';
  }

  worker.messenger().send_close_request();
  worker.join();
  std::cout << (worker.is_alive() ? "True" : "False") << '\n';
}
