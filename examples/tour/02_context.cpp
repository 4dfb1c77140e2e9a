// The life of a worker ends with its scope: the destructor asks it to close, then makes sure, then reaps it.
#include <coproc/coproc.hpp>

#include <cxxabi.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <typeinfo>

void custom_echo_process(coproc::PriorityMessenger& host, bool /*verbose*/) {
  while (true) host.send_norequest(host.receive_blocking<std::string>());
}

int main() {
  {
    coproc::WorkerResource worker{custom_echo_process};
    worker.start(/*verbose=*/false);

    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(
        abi::__cxa_demangle(typeid(worker).name(), nullptr, nullptr, &status), std::free);
    std::cout << "<class '" << (status == 0 ? name.get() : typeid(worker).name()) << "'>\n";
  }  // the worker has ended, and nothing of it is left behind
}
