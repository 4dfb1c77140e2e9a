// A small program that has to work in whatever way it is compiled and linked: workers of functions that are alike, of a
// lambda and a class, by each start method; an exception that both sides know; a pool.
#include <coproc/coproc.hpp>

#include <cstdio>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

struct TooHard : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct TooEasy : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace {

// Alike for a linker that makes one of what has the same code (--icf=all).
void first(coproc::PriorityMessenger& host, int value) { host.send_norequest(value); }
void second(coproc::PriorityMessenger& host, int value) { host.send_norequest(value); }
void refuse(coproc::PriorityMessenger& host, bool is_hard) {
  if (is_hard) host.send_error(TooHard("too hard"));
  host.send_error(TooEasy("too easy"));
}
long square(long value) { return value * value; }

struct Greeter {
  explicit Greeter(coproc::MultiMessenger& messenger) : host(messenger) {}
  void operator()() const { host.send_norequest(std::string("hello")); }
  coproc::MultiMessenger& host;
};

int failures = 0;
void expect(bool is_right, const char* what) {
  if (is_right) return;
  std::printf("wrong: %s\n", what);
  ++failures;
}

template <class Error>
bool is_thrown(coproc::Messenger& messenger) {
  try {
    messenger.receive_blocking<int>();
  } catch (const Error&) {
    return true;
  }
  return false;
}

void use_method(coproc::StartMethod method) {
  const coproc::WorkerOptions options{.method = method};
  coproc::WorkerResource one{&first, options};
  coproc::WorkerResource two{&second, options};
  coproc::WorkerResource thrower{&refuse, options};
  coproc::WorkerResource lambda{[](coproc::PriorityMessenger& host, double value) { host.send_norequest(value); },
                                options};
  coproc::WorkerResource<Greeter> greeter{std::in_place, options};
  one.start(1);
  two.start(2);
  thrower.start(true);
  lambda.start(0.5);
  greeter.start();
  expect(one.messenger().receive_blocking<int>() == 1 && two.messenger().receive_blocking<int>() == 2,
         "functions that are alike");
  expect(lambda.messenger().receive_blocking<double>() == 0.5, "a lambda");
  expect(greeter.messenger().receive_blocking<std::string>() == "hello", "a class");
  expect(is_thrown<TooHard>(thrower.messenger()) && is_thrown<TooEasy>(thrower.messenger()), "errors that are alike");
}

void use_priorities() {
  auto [here, there] = coproc::PriorityMessenger::new_pair();
  there.send_norequest(1, {}, {.priority = 1e-310});
  there.send_norequest(2);
  there.send_norequest(3, {}, {.priority = 0});
  expect(here.receive_blocking<int>() == 2 && here.receive_blocking<int>() == 3 && here.receive_blocking<int>() == 1,
         "priorities");
  try {
    there.send_norequest(4, {}, {.priority = std::numeric_limits<double>::quiet_NaN()});
    expect(false, "NaN as a priority");
  } catch (const coproc::InvalidArgumentError&) {}
}

}  // namespace

int main(int argc, char** argv) {
  coproc::init(argc, argv);
  for (const auto method : {coproc::StartMethod::fork_server, coproc::StartMethod::spawn, coproc::StartMethod::fork})
    use_method(method);
  use_priorities();
  coproc::Pool pool{{.workers = 2}};
  const auto squares = pool.map(&square, std::vector<long>{1, 2, 3}).collect();
  expect(std::accumulate(squares.begin(), squares.end(), 0L) == 14, "a pool");
  std::puts(failures == 0 ? "consumed" : "wrong");
  return failures == 0 ? 0 : 1;
}
