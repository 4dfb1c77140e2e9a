// A class of your own around a WorkerResource: a cleaner interface, and start arguments of your choice.
#include <coproc/coproc.hpp>

#include <unistd.h>

#include <iostream>
#include <string>

void custom_echo_process(coproc::PriorityMessenger& host, bool verbose) {
  if (verbose) std::cout << "Starting process " << getpid() << std::endl;
  while (true) host.send_norequest(host.receive_blocking<std::string>());
}

class EchoResource {
 public:
  explicit EchoResource(bool verbose) : verbose_(verbose) { worker_.start(verbose); }

  coproc::PriorityMessenger& messenger() { return worker_.messenger(); }

  friend std::ostream& operator<<(std::ostream& out, const EchoResource& echo) {
    return out << "EchoResource(verbose=" << (echo.verbose_ ? "True" : "False")
               << ", resource=WorkerResource(target=<function custom_echo_process>, process " << echo.worker_.pid()
               << " started))";
  }

 private:
  bool verbose_;
  coproc::WorkerResource<void (*)(coproc::PriorityMessenger&, bool)> worker_{custom_echo_process};
};

int main() {
  EchoResource echo(/*verbose=*/true);
  echo.messenger().send_norequest("are you there?");
  echo.messenger().receive_blocking<std::string>();  // now the worker has printed its line
  std::cout << echo << '\n';
}
