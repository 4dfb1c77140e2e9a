// A host whose workers are looked at from outside, by the tests that use seen.py. It prints a line "NAME PID" for each,
// and "ready", and then obeys the words that it reads.
#include <coproc/coproc.hpp>

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <utility>

namespace {

void echo(coproc::PriorityMessenger& host) {
  while (true) host.send_reply(host.receive_blocking<std::string>());
}

void deaf(coproc::PriorityMessenger&) {
  while (true) ::pause();
}

void flood(coproc::PriorityMessenger& host) {
  const std::string kilobyte(1000, 'x');
  while (true) host.send_norequest(kilobyte);
}

void busy(coproc::PriorityMessenger&) {
  while (true) asm volatile("");  // a loop without an effect is undefined
}

void paired(coproc::PriorityMessenger&, coproc::PriorityMessenger other) { (void)other.receive_blocking(); }

coproc::WorkerOptions named(const std::string& name, coproc::StartMethod method = coproc::StartMethod::automatic) {
  coproc::WorkerOptions options;
  options.name = name;
  options.method = method;
  options.stop.close = std::chrono::seconds(0);
  return options;
}

void tell(const char* name, const coproc::Worker& worker) { std::cout << name << ' ' << worker.pid() << std::endl; }

}  // namespace

int main(int, char** argv) {
  using coproc::StartMethod, coproc::WorkerResource;
  WorkerResource served{&echo, named("served", StartMethod::fork_server)};
  WorkerResource spawned{&echo, named("spawned", StartMethod::spawn)};
  WorkerResource other{coproc::Executable{argv[1], {"bridge", "--", "cat"}}, named("other")};
  WorkerResource silent{&deaf, named("silent")};
  WorkerResource flooding{&flood, named("flooding")};
  WorkerResource working{&busy, named("working")};
  WorkerResource evil{&deaf, named("\x1b[2J\xe2\x80\xae<b>")};
  WorkerResource left{&paired, named("left")}, right{&paired, named("right")};
  auto boxed_options = named("boxed");
  boxed_options.sandbox = coproc::Sandbox::compute();
  WorkerResource boxed{&echo, std::move(boxed_options)};
  WorkerResource forked{&echo, named("forked", StartMethod::fork)};

  served.start(), spawned.start(), other.start(), silent.start(), flooding.start(), working.start(), evil.start();
  auto ends = coproc::PriorityMessenger::new_pair();
  left.start(std::move(ends.first));
  right.start(std::move(ends.second));
  forked.start();
  try {
    boxed.start();
    tell("boxed", boxed);
  } catch (const coproc::StartError&) {
    // The system has no such boxes.
  }
  for (int i = 0; i < 3; ++i) silent.messenger().send_request("x");
  tell("served", served), tell("spawned", spawned), tell("other", other), tell("silent", silent);
  tell("flooding", flooding), tell("working", working), tell("evil", evil), tell("left", left), tell("right", right);
  tell("forked", forked);
  std::cout << "ready" << std::endl;

  for (std::string word; std::cin >> word;) {
    if (word == "ask") {  // and the number of requests, one after the other
      int requests = 0;
      std::cin >> requests;
      for (int i = 0; i < requests; ++i) {
        served.messenger().send_request(std::string(100, 'y'));
        (void)served.messenger().receive_blocking<std::string>();
      }
    } else if (word == "end") {
      served.terminate();
    }
    std::cout << "done" << std::endl;
  }
}
