#include "library.hpp"

#include <utility>

namespace library {

void shout(coproc::PriorityMessenger& host, std::string text) { host.send_norequest(text + "!"); }

Greeter::Greeter(coproc::PriorityMessenger& host, std::string name) : host_(host), name_(std::move(name)) {}
void Greeter::operator()() { host_.send_norequest("hello, " + name_); }

static void hidden(coproc::PriorityMessenger& host, int value) { host.send_norequest(value * 2); }
void (*hidden_target())(coproc::PriorityMessenger&, int) { return &hidden; }

}  // namespace library
