// Starts workers of every kind of target by every start method, and says which of them went wrong.
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "library.hpp"

using coproc::MultiMessenger;
using coproc::PriorityMessenger;
using coproc::StartMethod;
using coproc::WorkerResource;

namespace {

int failures = 0;
const char* method_name = "";

void check(bool is_right, const char* what) {
  if (is_right) return;
  ++failures;
  std::printf("by %s: wrong: %s\n", method_name, what);
}

int global = 1;  // main changes it
const std::string dynamic_global = std::string("made ") + "before main";

void free_function(PriorityMessenger& host, int value) { host.send_norequest(value + 1); }
void noexcept_function(MultiMessenger& host, int value) noexcept { host.send_norequest(value + 2); }
template <class T>
void template_function(PriorityMessenger& host, T value) {
  host.send_norequest(value);
}
void globals(PriorityMessenger& host) { host.send_norequest(std::pair(global, dynamic_global)); }
void texts(PriorityMessenger& host, const std::string& a, std::string b) { host.send_norequest(a + b); }

struct Member {
  static void function(PriorityMessenger& host, int value) { host.send_norequest(value + 3); }
};

template <class T>
class Holder {
 public:
  Holder(PriorityMessenger& host, T value, std::vector<T> more) : host_(host), value_(value), more_(std::move(more)) {}
  void operator()() {
    more_.push_back(value_);
    host_.send_norequest(more_);
  }

 private:
  PriorityMessenger& host_;
  T value_;
  std::vector<T> more_;
};

/// A callable object with a state that can be sent.
struct Multiply {
  int factor = 1;
  void operator()(PriorityMessenger& host, int value) const { host.send_norequest(factor * value); }
};

/// Two workers must not hold one recursive mutex at once: a fork server's workers must know their own thread ids.
void recursive_lock(PriorityMessenger& host) {
  std::recursive_mutex mutex;
  const std::lock_guard first(mutex);
  const std::lock_guard second(mutex);
  bool is_free_elsewhere = true;
  std::thread([&] {
    is_free_elsewhere = mutex.try_lock();
    if (is_free_elsewhere) mutex.unlock();
  }).join();
  host.send_norequest(std::pair(is_free_elsewhere, ::gettid() == ::getpid()));
}

template <class T, class Target, class... A>
T answer(StartMethod method, Target target, A&&... arguments) {
  WorkerResource worker{std::move(target), {.method = method}};
  worker.start(std::forward<A>(arguments)...);
  return worker.messenger().template receive_blocking<T>();
}

void check_targets(StartMethod method) {
  check(answer<int>(method, &free_function, 1) == 2, "a function");
  check(answer<int>(method, &noexcept_function, 1) == 3, "a noexcept function");
  check(answer<double>(method, &template_function<double>, 2.5) == 2.5, "a template's function");
  check(answer<char>(method, &template_function<char>, 'c') == 'c', "another one of the same template");
  check(answer<int>(method, &Member::function, 1) == 4, "a static member function");
  check(answer<std::string>(method, &texts, "literal", std::string(" and string")) == "literal and string", "texts");
  check(answer<int>(
            method, [](PriorityMessenger& host, int value) { host.send_norequest(value * 3); }, 5) == 15,
        "a lambda");
  check(answer<int>(
            method, [](PriorityMessenger& host, auto value) { host.send_norequest(value * 7); }, 5) == 35,
        "a generic lambda");
  check(answer<int>(method, Multiply{6}, 7) == 42, "an object with a state");

  check(answer<std::string>(method, &library::shout, "hey") == "hey!", "a function of a shared library");
  check(answer<int>(method, library::hidden_target(), 4) == 8, "a hidden function of a shared library");
  check(answer<long>(method, &library::add<long, 5>, 4L) == 9, "a template of a shared library");

  WorkerResource<library::Greeter> greeter{std::in_place, {.method = method}};
  greeter.start("you");
  check(greeter.messenger().receive_blocking<std::string>() == "hello, you", "a class of a shared library");
  WorkerResource<Holder<short>> holder{std::in_place, {.method = method}};
  holder.start(short(3), std::vector<short>{1, 2});
  check(holder.messenger().receive_blocking<std::vector<short>>() == std::vector<short>{1, 2, 3}, "a class template");

  const auto [changed, made] = answer<std::pair<int, std::string>>(method, &globals);
  check(changed == (method == StartMethod::fork ? 2 : 1), "a global variable");
  check(made == "made before main", "a global variable with a constructor");
  check(answer<std::pair<bool, bool>>(method, &recursive_lock) == std::pair(false, true), "a recursive mutex");
}

void check_large_argument(StartMethod method) {
  const std::string large(3 << 20, 'x');
  check(answer<std::size_t>(
            method, [](PriorityMessenger& host, const std::string& text) { host.send_norequest(text.size()); },
            large) == large.size(),
        "a large argument");
}

/// A link between two workers, whose ends travel as start arguments.
void check_messengers(StartMethod method) {
  auto [a, b] = PriorityMessenger::new_pair();
  auto echo = [](PriorityMessenger& host, PriorityMessenger other) {
    other.send_reply(other.receive_blocking<int>() + 1);
    host.send_norequest(true);
  };
  auto ask = [](PriorityMessenger& host, int value, PriorityMessenger other) {
    other.send_request(value);
    host.send_norequest(other.receive_blocking<int>());
  };
  WorkerResource first{echo, {.method = method}};
  WorkerResource second{ask, {.method = method}};
  first.start(std::move(a));
  second.start(41, std::move(b));
  check(second.messenger().receive_blocking<int>() == 42, "two workers with a link of their own");
  check(first.messenger().receive_blocking<bool>(), "the other one");
}

void check_exception(StartMethod method) {
  WorkerResource worker{[](PriorityMessenger&) { throw std::out_of_range("gone too far"); }, {.method = method}};
  worker.start();
  try {
    worker.messenger().receive_blocking();
    check(false, "an exception that leaves the target");
  } catch (const std::out_of_range& error) {
    check(std::string(error.what()) == "gone too far", "its text");
  }
  check(worker.join().code() == 1, "its exit code");
}

/// A worker that is itself a host, by the same method.
void nested(PriorityMessenger& host, int method) {
  host.send_norequest(answer<int>(static_cast<StartMethod>(method), &free_function, 10));
}

}  // namespace

int main(int argc, char** argv) {
  coproc::init(argc, argv);
  global = 2;
  const std::tuple<StartMethod, const char*> methods[] = {
      {StartMethod::fork_server, "fork_server"}, {StartMethod::spawn, "spawn"}, {StartMethod::fork, "fork"}};
  for (const auto& [method, name] : methods) {
    method_name = name;
    try {
      check_targets(method);
      check_large_argument(method);
      check_messengers(method);
      check_exception(method);
      check(answer<int>(method, &nested, static_cast<int>(method)) == 11, "a worker of a worker");
    } catch (const std::exception& error) {
      check(false, error.what());
    }
  }
  coproc::stop_fork_server();
  check(::waitpid(-1, nullptr, WNOHANG) == -1, "a process was left behind");
  if (failures == 0) std::puts("all right");
  return failures == 0 ? 0 : 1;
}
