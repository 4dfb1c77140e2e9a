// The worker program of tests/conformance/executable_test.cpp: its first argument says what it does.
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>

using coproc::PriorityMessenger;

namespace {

void echo(PriorityMessenger& host, const std::string& greeting, int times) {
  for (int i = 0; i < times; ++i) host.send_reply(greeting + ", " + host.receive_blocking<std::string>());
}

[[gnu::noinline]] void where_the_program_gives_up() { std::abort(); }

class Adder {
 public:
  Adder(coproc::MultiMessenger& host, long start) : host_(host), sum_(start) {}
  using messenger_type = coproc::MultiMessenger;
  void operator()() {
    while (true) host_.send_norequest(sum_ += host_.receive_blocking<long>());
  }

 private:
  coproc::MultiMessenger& host_;
  long sum_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "echo";
  if (what == "echo") return coproc::this_worker::run(&echo);
  if (what == "adder") return coproc::this_worker::run<Adder, long>();
  if (what == "saver") {
    return coproc::this_worker::run([](PriorityMessenger& host) {
      for (int sum = coproc::this_worker::restored<int>().value_or(0);;) {
        sum += host.receive_blocking<int>();
        host.save_and_reply(sum, sum);
      }
    });
  }
  if (what == "throws") {
    return coproc::this_worker::run([](PriorityMessenger&) { throw std::out_of_range("from another program"); });
  }
  if (what == "crashes") {
    return coproc::this_worker::run([](PriorityMessenger&) { where_the_program_gives_up(); });
  }
  if (what == "joins") {
    return coproc::this_worker::run(
        [](PriorityMessenger&, PriorityMessenger other) { other.send_norequest(std::string("through a pair")); });
  }
  if (what == "tells") {
    return coproc::this_worker::run([&](PriorityMessenger& host) {
      host.send_norequest(std::string(argv[2]));
      char directory[4096];
      host.send_norequest(std::string(::getcwd(directory, sizeof directory)));
      const char* variable = std::getenv("EXECUTABLE_TEST");
      host.send_norequest(std::string(variable == nullptr ? "none" : variable));
      host.send_norequest(std::getenv("COPROC_START") == nullptr);
      std::cout << "printed by the worker";
    });
  }
  if (what == "complains") {
    std::fputs("a complaint\n", stderr);
    std::fputs(std::string(10'000, 'x').c_str(), stderr);
    std::fputs(" the last word\n", stderr);
    return 7;
  }
  if (what == "waits") {
    for (;;) ::pause();
  }
  return 2;
}
