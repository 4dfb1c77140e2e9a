// The scenarios of CMakeLists.txt with the C++ pool, whose workers are here or on a machine. Each one returns what has
// happened.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <map>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tasks.hpp"

using namespace std::chrono_literals;
using namespace promises;
using coproc::Pool;

namespace {

/// coproc-agent, if the workers are to be on a machine whose launcher is `env`.
const char* agent = nullptr;

coproc::PoolOptions placed(coproc::PoolOptions options) {
  // How busy this machine is counts as no silence.
  if (agent != nullptr) {
    options.machines = {
        coproc::Machine(coproc::command({"env"}), {.agent = agent, .silence = std::chrono::minutes(10)})};
  }
  return options;
}

// ---- what has happened ----

std::string text_of(int value) { return std::to_string(value); }
std::string text_of(const Unencodable& value) { return text_of(value.value); }
std::string text_of(const Undecodable& value) { return text_of(value.value); }

template <class Get>
std::string outcome(const Get& get) {
  try {
    return text_of(get());
  } catch (const coproc::TaskTimeoutError&) {
    return "[timed out]";
  } catch (const coproc::TaskCancelledError&) {
    return "[cancelled]";
  } catch (const coproc::MessageTooLargeError&) {
    return "[too large]";
  } catch (const coproc::PoolBrokenError& error) {
    const std::string text = error.what();
    return text.find("no database") != std::string::npos ? "[broken: no database]" : "[broken: " + text + "]";
  } catch (const coproc::WorkerDiedError&) {
    return "[died]";
  } catch (const coproc::ProtocolError&) {
    return "[failed]";
  } catch (const std::exception& error) {
    return std::string("[error: ") + error.what() + "]";
  }
}

template <class Results>
std::string outcomes(Results results) {
  std::string text;
  for (auto& result : results) text += (text.empty() ? "" : " ") + outcome([&] { return result.value(); });
  return text;
}

/// Parts that are told one after the other.
std::string told(std::initializer_list<std::string> parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

template <class State>
std::string replaced(Pool<State>& pool) {
  std::size_t starts = 0;
  for (const auto& worker : pool.insights().workers) starts += worker.starts;
  return std::to_string(starts - pool.size()) + " replaced";
}

template <class State>
std::string square_of_3(Pool<State>& pool) {
  return outcome([&] { return pool.submit(&square, 3).get(); });
}

const std::vector<int> kFive = {0, 1, 2, 3, 4};

// ---- the scenarios ----

std::string a_task_throws() {
  Pool pool{placed({.workers = 2})};
  return outcomes(pool.map(&fail_at_2, kFive).as_results());
}

std::string a_task_throws_and_that_ends_the_map() {
  Pool pool{placed({.workers = 2})};
  const std::string text = outcomes(pool.map(&fail_at_2, kFive, {.stop_on_error = true}).as_results());
  return text + ", and then " + square_of_3(pool);
}

std::string a_worker_dies_in_a_task() {
  Pool pool{placed({.workers = 1})};
  const std::string path = path_of("ran");
  const std::string text = outcomes(pool.map(DieAt2{path}, kFive).as_results());
  return text + ", " + replaced(pool) + ", " + (count(path) == 1 ? "each ran once" : "it ran again");
}

std::string a_worker_dies_and_the_task_is_run_again() {
  Pool pool{placed({.workers = 1})};
  const std::string path = path_of("ran");
  const std::string text = outcomes(pool.map(DieAt2{path, true}, kFive, {.max_retries = 1}).as_results());
  return text + ", " + replaced(pool) + ", " + (count(path) == 2 ? "it ran twice" : "it ran otherwise");
}

std::string a_task_takes_too_long() {
  Pool pool{placed({.workers = 1})};
  return told({outcomes(pool.map(&hang_at_2, kFive, {.time_limit = 100ms}).as_results()), replaced(pool)});
}

std::string a_task_takes_too_long_and_nobody_waits() {
  Pool pool{placed({.workers = 1})};
  const int worker = pool.submit(&pid, 0).get();
  auto task = pool.submit({.time_limit = 100ms}, &mark_and_hang, path_of("began"));
  while (!task.wait_for(0s) && count(path_of("began")) == 0) std::this_thread::sleep_for(1ms);
  const std::string command = "/proc/" + std::to_string(worker) + "/cmdline";
  wait_for([&] { return std::ifstream(command).peek() == EOF; });  // it may not be reaped yet
  return "its worker has ended, " + outcome([&] { return task.get(); });
}

/// Fails as long as there is no database.
struct Open {
  std::string path, starts;
  int operator()() const {
    leave(starts);
    return count(path) == 0 ? throw std::runtime_error("no database") : 1;
  }
};

std::string workers_end_before_they_run_anything() {
  const std::string path = path_of("database"), starts = path_of("starts");
  Pool<int> pool{Open{path, starts}, placed({.workers = 1})};
  std::string text = square_of_3(pool);
  text += " after " + std::to_string(count(starts)) + " starts";
  leave(path);
  return text + ", and then " + square_of_3(pool);
}

std::string a_task_that_waits_is_cancelled() {
  Pool pool{placed({.workers = 1})};
  const std::string go = path_of("go"), began = path_of("began"), ran = path_of("ran");
  auto first = pool.submit(&mark_and_wait, began, go);
  auto second = pool.submit(&mark, ran);
  wait_for([&] { return first.is_done() || count(began) != 0; });
  std::string text = second.cancel() ? "cancelled, " : "not cancelled, ";
  leave(go);
  text += outcome([&] { return second.get(); });
  pool.wait();
  return text + (count(ran) == 0 ? ", it never ran" : ", it ran");
}

std::string a_task_that_runs_is_cancelled() {
  Pool pool{placed({.workers = 1})};
  const std::string began = path_of("began");
  auto task = pool.submit(&mark_and_hang, began);
  wait_for([&] { return task.is_done() || count(began) != 0; });
  std::string text = task.cancel() ? "cancelled, " : "not cancelled, ";
  text += outcome([&] { return task.get(); });
  const std::string next = square_of_3(pool);
  return text + ", " + replaced(pool) + ", and then " + next;
}

std::string a_task_that_has_ended_is_not_cancelled() {
  Pool pool{placed({.workers = 1})};
  auto task = pool.submit(&square, 3);
  while (!task.wait_for(coproc::kForever)) {}
  const std::string text = task.cancel() ? "cancelled, " : "not cancelled, ";
  return text + outcome([&] { return task.get(); });
}

std::string an_argument_cannot_be_encoded() {
  Pool pool{placed({.workers = 2})};
  return told({outcomes(pool.map(&value_of, std::vector<Unencodable>{{0}, {1}, {2}}).as_results()), replaced(pool)});
}

std::string a_result_cannot_be_encoded() {
  Pool pool{placed({.workers = 2})};
  return told({outcomes(pool.map(&make_unencodable, std::vector{0, 1, 2}).as_results()), replaced(pool)});
}

std::string a_result_cannot_be_decoded() {
  Pool pool{placed({.workers = 2})};
  return told({outcomes(pool.map(&make_undecodable, std::vector{0, 1, 2}).as_results()), replaced(pool)});
}

std::string an_argument_is_too_large() {
  coproc::PoolOptions options = placed({.workers = 1});
  options.worker.link = {.max_message_bytes = 4096, .automatic_loans = false};
  Pool pool{options};
  const std::string text =
      outcome([&] { return pool.submit(&mark, path_of(std::string(std::size_t{10'000}, 'x'))).get(); });
  const std::string next = square_of_3(pool);
  return text + ", " + replaced(pool) + ", and then " + next;
}

std::string the_input_throws() {
  Pool pool{placed({.workers = 2})};
  const auto number = [](int x) { return x == 3 ? throw std::runtime_error("no more") : x; };
  std::string text;
  auto results = pool.map(&same, std::views::iota(0) | std::views::transform(number));
  try {
    for (const int value : results) text += text_of(value) + " ";
  } catch (const std::runtime_error& error) {
    text += std::string("[error: ") + error.what() + "]";
  }
  return text + ", and then " + square_of_3(pool);
}

struct Make {
  std::string path;
  std::string operator()() const { return path; }
};
struct Leave {
  void operator()(std::string& path) const { leave(path); }
};

std::string the_pool_is_stopped() {
  const std::string left = path_of("left"), began = path_of("began");
  Pool<std::string> pool{Make{left}, Leave{}, placed({.workers = 2})};
  (void)pool.map(&same, kFive).collect();
  auto task = pool.submit(&mark_and_hang, began);
  wait_for([&] { return task.is_done() || count(began) != 0; });
  pool.stop();
  const std::string text = outcome([&] { return task.get(); });
  return text + ", " + std::to_string(count(left)) + " worker left by its exit function";
}

std::string a_wait_is_interrupted() {
  Pool pool{placed({.workers = 1})};
  static Pool<>* interrupted = &pool;
  ::signal(SIGINT, [](int) { interrupted->interrupt(); });
  const std::string began = path_of("began"), go = path_of("go");
  auto task = pool.submit(&mark_and_wait, began, go);
  const std::jthread presses([&] {
    wait_for([&] { return count(began) != 0; });
    ::kill(::getpid(), SIGINT);
  });
  try {
    (void)task.wait_for(coproc::kForever);
    return "not interrupted";
  } catch (const coproc::InterruptedError&) {}
  leave(go);
  return "interrupted, " + outcome([&] { return task.get(); });
}

std::string a_worker_closes_its_link() {
  Pool pool{placed({.workers = 1})};
  std::string text = outcome([&] { return pool.submit(&close_all, 0).get(); });
  if (text == "[died]") text = "[failed]";  // by the end of its lifeline: which is first is not promised
  const std::string next = square_of_3(pool);
  return text + ", " + replaced(pool) + ", and then " + next;
}

std::string a_worker_cannot_be_killed() {
  coproc::PoolOptions options = placed({.workers = 1});
  options.worker.stop.kill = 0ms;
  Pool pool{options};
  const std::string began = path_of("began"), release = path_of("release");
  auto traced = pool.submit({.time_limit = 100ms}, &be_traced, began, release);
  auto other = pool.submit(&square, 3);
  std::string text = outcome([&] { return other.get(); }) + " by another worker, ";
  text += outcome([&] { return traced.get(); });
  leave(release);
  return text;
}

std::string the_host_closes_all_descriptors() {
  Pool pool{placed({.workers = 1})};
  const std::string began = path_of("began");
  auto task = pool.submit(&mark_and_hang, began);
  wait_for([&] { return task.is_done() || count(began) != 0; });
  ::close_range(3, ~0U, 0);
  const std::string text = outcome([&] { return task.get(); });
  return text + ", and then " + square_of_3(pool);
}

/// What is larger than the link is taken out of it by a worker that runs nothing; this one does not.
std::string an_idle_worker_does_not_read() {
  coproc::PoolOptions options = placed({.workers = 1});
  options.worker.link.automatic_loans = false;
  Pool pool{options};
  (void)square_of_3(pool);
  ::kill(pool.pids().front(), SIGSTOP);
  const std::string text = outcome([&] { return pool.submit(&length_of, std::string(kMoreThanTheLink, 'x')).get(); });
  return told({text, replaced(pool), "and then " + square_of_3(pool)});
}

std::string the_host_is_forked() {
  Pool pool{placed({.workers = 1})};
  (void)square_of_3(pool);
  const pid_t fork = ::fork();
  if (fork == 0) {
    try {
      (void)pool.submit(&square, 3);
    } catch (const coproc::NotOwnerError&) {
      ::_exit(0);
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(fork, &status, 0);
  return (status == 0 ? "refused, and then " : "not refused, and then ") + square_of_3(pool);
}

#define SCENARIO(name) \
  { #name, &name }
const std::map<std::string, std::string (*)()> kScenarios = {
    SCENARIO(a_task_throws),
    SCENARIO(a_task_throws_and_that_ends_the_map),
    SCENARIO(a_worker_dies_in_a_task),
    SCENARIO(a_worker_dies_and_the_task_is_run_again),
    SCENARIO(a_task_takes_too_long),
    SCENARIO(a_task_takes_too_long_and_nobody_waits),
    SCENARIO(workers_end_before_they_run_anything),
    SCENARIO(a_task_that_waits_is_cancelled),
    SCENARIO(a_task_that_runs_is_cancelled),
    SCENARIO(a_task_that_has_ended_is_not_cancelled),
    SCENARIO(an_argument_cannot_be_encoded),
    SCENARIO(a_result_cannot_be_encoded),
    SCENARIO(a_result_cannot_be_decoded),
    SCENARIO(an_argument_is_too_large),
    SCENARIO(the_input_throws),
    SCENARIO(the_pool_is_stopped),
    SCENARIO(a_wait_is_interrupted),
    SCENARIO(a_worker_closes_its_link),
    SCENARIO(a_worker_cannot_be_killed),
    SCENARIO(the_host_closes_all_descriptors),
    SCENARIO(an_idle_worker_does_not_read),
    SCENARIO(the_host_is_forked),
};
#undef SCENARIO

}  // namespace

int main(int count_of_arguments, char** arguments) {
  if (count_of_arguments != 3 && count_of_arguments != 4) {
    return std::fputs("usage: pool_promises SCENARIO OUTCOME [AGENT]\n", stderr), 2;
  }
  if (count_of_arguments == 4) agent = arguments[3];
  const std::string directory = std::filesystem::path(path_of("")).parent_path();
  const std::string happened = kScenarios.at(arguments[1])();
  std::filesystem::remove_all(directory);
  std::printf("%s\n", happened.c_str());
  return happened == arguments[2] ? 0 : 1;
}
