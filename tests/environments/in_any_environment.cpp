// A host for whatever environment it is run in: starts workers in each way and both pools, and says of each whether it
// works: messages small and large, an error, a death, the end. The last line says what was left behind, if anything
// was.
//
//   in_any_environment [--print-to=FD] [--worse=HOW] [WAY=refused:WORDS]...
//
// `--worse` makes the environment worse once the first worker runs, in ways that no launcher can. `WAY=refused:WORDS`
// says that this way cannot be here, and words that the error must have. Exit code 0: all is as it should be; 77: the
// environment could not be made.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coproc/coproc.hpp"

using coproc::PriorityMessenger;
using coproc::StartMethod;
using coproc::WorkerResource;

namespace {

constexpr int kCannotBeMade = 77;
constexpr unsigned kWatchdogSeconds = 150;
constexpr std::size_t kThroughTheRing = 300'000;
constexpr std::size_t kLent = 3'000'000;
constexpr uid_t kSomebody = 61'234;

int output = STDOUT_FILENO;
std::atomic<const char*> current_step = "";

void print(const std::string& line) {
  const std::string text = line + '\n';
  (void)!::write(output, text.data(), text.size());
}

void at_watchdog(int) {
  constexpr std::string_view kHangs = "hangs at: ";
  const char* const step = current_step;
  (void)!::write(output, kHangs.data(), kHangs.size());
  (void)!::write(output, step, std::strlen(step));
  (void)!::write(output, "\n", 1);
  std::_Exit(2);
}

void start_watchdog() {
  std::signal(SIGALRM, &at_watchdog);
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  ::sigprocmask(SIG_UNBLOCK, &alarm, nullptr);  // some environments block all
  ::alarm(kWatchdogSeconds);
}

void step(const char* name) { current_step = name; }

void check(bool is_right, const std::string& what) {
  if (!is_right) throw std::logic_error("wrong: " + what);
}

// --- What workers do ---

void converse(PriorityMessenger& host, std::string greeting) {
  for (;;) {
    const auto text = host.receive_blocking<std::string>();
    if (text == "throw") throw std::out_of_range("thrown by the worker");
    if (text == "exit") std::_Exit(3);
    host.send_reply(greeting + text);
  }
}

long square(long value) {
  if (value < 0) std::_Exit(4);
  return value * value;
}
std::string repeated(std::size_t length) { return std::string(length, 'r'); }

// --- What the host does with them ---

void ask(PriorityMessenger& messenger, const std::string& text) {
  messenger.send_request(text);
  check(messenger.receive_blocking<std::string>() == "so: " + text,
        "the answer to a text of " + std::to_string(text.size()));
}

template <class Target>
void use_workers(const Target& target, const coproc::WorkerOptions& options) {
  WorkerResource worker{target, options};
  WorkerResource other{target, options};
  step("two starts");
  worker.start("so: ");
  other.start("so: ");

  step("messages");
  for (const std::size_t length : {std::size_t{5}, kThroughTheRing, kLent, std::size_t{7}}) {
    ask(worker.messenger(), std::string(length, 'a'));
  }
  ask(other.messenger(), "b");

  step("a stop");
  const coproc::ExitStatus stopped = worker.stop();
  check(stopped.success(), "the end after stop(): " + stopped.report());

  step("a restart");
  worker.start("so: ");
  ask(worker.messenger(), "c");

  step("a kill");
  worker.kill();
  const coproc::ExitStatus killed = worker.join();
  check(killed.signal() == SIGKILL, "the end after kill(): " + killed.report());

  step("an exception");
  other.messenger().send_norequest(std::string("throw"));
  try {
    other.messenger().receive_blocking();
    check(false, "no exception");
  } catch (const std::out_of_range& error) {
    check(std::string_view(error.what()) == "thrown by the worker", "the text of the exception");
  }
  const coproc::ExitStatus thrown = other.join();
  check(thrown.code() == 1, "the end after an exception: " + thrown.report());

  step("an end in the middle");
  other.start("so: ");
  other.messenger().send_request(std::string("exit"));
  try {
    other.messenger().receive_blocking();
    check(false, "no death");
  } catch (const coproc::WorkerDiedError& error) {
    check(error.exit_status().code() == 3, std::string("what is told of a death: ") + error.what());
  }
}

void use_method(StartMethod method) { use_workers(&converse, {.method = method, .name = "by its method"}); }

void use_closure() {
  use_workers([keeps = std::string("so: ")](PriorityMessenger& host, std::string) { converse(host, keeps); },
              {.name = "a closure"});
}

void use_executable(const char* program) { use_workers(coproc::Executable{program, {}}, {.name = "a program"}); }

/// In the box that is whole on every kernel that has filters of system calls.
void use_box() { use_workers(&converse, {.name = "boxed", .sandbox = coproc::Sandbox::compute()}); }

template <class Pool>
void use_any_pool() {
  Pool pool{{.workers = 2}};
  step("a map");
  std::vector<long> values(200);
  std::iota(values.begin(), values.end(), 0);
  long sum = 0;
  for (const long result : pool.map(&square, values)) sum += result;
  check(sum == 2'646'700, "the sum of a map");

  step("a map of large results");
  for (const std::string& text : pool.map(&repeated, std::vector{kThroughTheRing, kLent, kLent})) {
    check(std::ranges::count(text, 'r') == std::ssize(text), "a large result");
  }

  step("a task that ends its worker");
  long right = 0;
  std::size_t deaths = 0;
  for (auto& result : pool.map(&square, std::vector<long>{1, 2, -1, 3}).as_results()) {
    try {
      right += result.value();
    } catch (const coproc::WorkerDiedError& error) {
      check(error.exit_status().code() == 4, std::string("what is told of a death: ") + error.what());
      ++deaths;
    }
  }
  check(right == 14 && deaths == 1, "a death takes one task with it");
  step("a pool's end");
}

// --- Worse environments ---

bool give_root_up() {
  return ::setresgid(kSomebody, kSomebody, kSomebody) == 0 && ::setresuid(kSomebody, kSomebody, kSomebody) == 0 &&
         ::prctl(PR_SET_DUMPABLE, 1) == 0;
}
bool lock_memory() { return ::mlockall(MCL_CURRENT | MCL_FUTURE) == 0; }
/// A root in which another program has this one's path.
bool enter_other_root() { return ::chdir("/") == 0 && ::chroot(::getenv("OTHER_ROOT")) == 0; }
bool close_standard_descriptors() { return ::close(0) == 0 && ::close(1) == 0 && ::close(2) == 0; }
bool ignore_children() { return std::signal(SIGCHLD, SIG_IGN) != SIG_ERR; }

const std::map<std::string_view, bool (*)()> worse_ways{{"gives_root_up", &give_root_up},
                                                        {"locks_memory", &lock_memory},
                                                        {"enters_other_root", &enter_other_root},
                                                        {"closes_standard_descriptors", &close_standard_descriptors},
                                                        {"ignores_children", &ignore_children}};

/// A worker from before talks on, and ends when it is asked to.
void worsen(bool (*make_worse)()) {
  step("a worker before it gets worse");
  WorkerResource worker{&converse, {.name = "from before"}};
  worker.start("so: ");
  ask(worker.messenger(), "a");
  if (!make_worse()) {
    print(std::string("the environment cannot be made: ") + std::strerror(errno));
    std::exit(kCannotBeMade);
  }
  step("a worker from before it got worse");
  ask(worker.messenger(), std::string(kThroughTheRing, 'a'));
  const coproc::ExitStatus status = worker.stop();
  check(status.success(), "the end of a worker from before: " + status.report());
}

// --- The table of ways, and what is expected of each ---

struct Way {
  std::string name;
  std::function<void()> use;
};

bool is_as_expected(const Way& way, const std::map<std::string, std::string>& refusals) {
  const auto refusal = refusals.find(way.name);
  std::string outcome;
  bool is_refused = false;
  try {
    way.use();
    outcome = "works";
  } catch (const coproc::StartError& error) {
    is_refused = true;
    outcome = "StartError, stage " + error.stage() + ": " + error.what();
  } catch (const coproc::Error& error) {
    outcome = std::string("coproc::Error at ") + current_step.load() + ": " + error.what();
  } catch (const std::exception& error) {
    outcome = std::string("not even a coproc::Error at ") + current_step.load() + ": " + error.what();
  }
  print(way.name + ": " + outcome);
  if (refusal == refusals.end()) return outcome == "works";
  if (is_refused && outcome.find(refusal->second) != std::string::npos) return true;
  print("  it should have been refused with the words: " + refusal->second);
  return false;
}

std::set<int> open_descriptors() {
  std::set<int> open;
  for (int fd = 0; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) open.insert(fd);
  }
  return open;
}

bool is_nothing_left(const std::set<int>& descriptors_before) {
  coproc::stop_fork_server();
  const bool is_childless = ::waitpid(-1, nullptr, WNOHANG) == -1;
  if (!is_childless) print("a child was left behind");
  bool is_closed = true;
  for (const int fd : open_descriptors()) {
    if (descriptors_before.contains(fd)) continue;
    print("descriptor " + std::to_string(fd) + " was left behind");
    is_closed = false;
  }
  return is_childless && is_closed;
}

}  // namespace

int main(int argc, char** argv) {
  if (coproc::this_worker::is_worker()) return coproc::this_worker::run(&converse);
  const std::set<int> descriptors_before = open_descriptors();
  start_watchdog();
  std::map<std::string, std::string> refusals;
  bool (*make_worse)() = nullptr;
  for (const std::string_view argument : std::vector<std::string_view>(argv + 1, argv + argc)) {
    constexpr std::string_view kPrintTo = "--print-to=", kWorse = "--worse=", kRefused = "=refused:";
    const auto refused = argument.find(kRefused);
    if (argument.starts_with(kPrintTo)) {
      output = std::atoi(argument.substr(kPrintTo.size()).data());
    } else if (argument.starts_with(kWorse)) {
      make_worse = worse_ways.at(argument.substr(kWorse.size()));
    } else if (refused != std::string_view::npos) {
      refusals[std::string(argument.substr(0, refused))] = argument.substr(refused + kRefused.size());
    } else {
      print("not understood: " + std::string(argument));
      return 1;
    }
  }

  const std::vector<Way> ways{{"automatic", [] { use_method(StartMethod::automatic); }},
                              {"fork_server", [] { use_method(StartMethod::fork_server); }},
                              {"spawn", [] { use_method(StartMethod::spawn); }},
                              {"fork", [] { use_method(StartMethod::fork); }},
                              {"closure", &use_closure},
                              {"executable", [argv] { use_executable(argv[0]); }},
                              {"boxed", &use_box},
                              {"pool", &use_any_pool<coproc::Pool<>>},
                              {"lazy_pool", &use_any_pool<coproc::LazyPool>}};
  bool is_right = true;
  if (make_worse != nullptr) is_right = is_as_expected({"before", [&] { worsen(make_worse); }}, refusals);
  for (const Way& way : ways) is_right &= is_as_expected(way, refusals);
  is_right &= is_nothing_left(descriptors_before);
  return is_right ? 0 : 1;
}
