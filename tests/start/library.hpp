// Targets in a shared library.
#pragma once

#include <coproc/coproc.hpp>

#include <string>

// The rest of the project hides what is not marked.
#pragma GCC visibility push(default)

namespace library {

void shout(coproc::PriorityMessenger& host, std::string text);

/// Its instances are the program's and the library's at the same time.
template <class T, int N>
void add(coproc::PriorityMessenger& host, T value) {
  host.send_norequest(value + T(N));
}

class Greeter {
 public:
  Greeter(coproc::PriorityMessenger& host, std::string name);
  void operator()();

 private:
  coproc::PriorityMessenger& host_;
  std::string name_;
};

/// One that the program cannot name.
void (*hidden_target())(coproc::PriorityMessenger&, int);

}  // namespace library

#pragma GCC visibility pop
