// Uses what has to work across the border of a shared library: a worker, an aggregate with a priority, exceptions of
// the library and of this program, a death, and, where its path is given, a worker in C.
#include <coproc/coproc.hpp>

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

struct Question {
  std::string text;
  int priority = 0;
};

struct TooHard : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void answer(coproc::PriorityMessenger& host) {
  for (;;) {
    const auto question = host.receive_blocking<Question>();
    if (question.text == "hard") {
      host.send_error(TooHard("too hard"));
    } else if (question.text == "die") {
      std::_Exit(3);
    } else {
      host.send_reply(question.text + "!");
    }
  }
}

void expect(bool condition, const char* what) {
  if (condition) return;
  std::cerr << "failed: " << what << '\n';
  std::exit(1);
}

int judge(int x) {
  if (x == 3) throw TooHard("three is too hard");
  return x + 1;
}

void use_pools() {
  coproc::Pool pool{[] { return 100; }, {.workers = 2}};
  expect(pool.map([](int& state, int x) { return state + x; }, std::vector{1, 2}).collect() == std::vector{101, 102},
         "a pool maps");
  int failures = 0;
  for (auto& result : pool.map(judge, std::vector{1, 3, 5}).as_results()) {
    try {
      result.value();
    } catch (const TooHard&) {
      failures += result.index() == 1 ? 1 : 100;
    }
  }
  expect(failures == 1, "a task's error has its type");
  coproc::LazyPool lazy{{.workers = 2}};
  int by = 7;
  expect(lazy.map([by](int x) { return by * x; }, std::vector{1, 2}).collect() == std::vector{7, 14},
         "a lazy pool maps");
}

void use_worker_in_c(const char* path) {
  coproc::WorkerResource worker{coproc::Executable{path}};
  worker.start();
  worker.messenger().send_request("C");
  expect(worker.messenger().receive_blocking<std::string>() == "hello, C", "a worker in C answers");
  expect(worker.join().success(), "a worker in C ends well");
}

int main(int argc, char** argv) {
  if (argc > 1) use_worker_in_c(argv[1]);
  coproc::WorkerResource worker{answer};
  worker.start();
  auto& messenger = worker.messenger();

  messenger.send_request(Question{"hello"});
  expect(messenger.receive_blocking<std::string>() == "hello!", "a reply arrives");

  messenger.send_norequest(Question{"hard"});
  try {
    (void)messenger.receive_blocking();
    expect(false, "the worker's error is thrown");
  } catch (const TooHard& error) {
    expect(std::string(error.what()) == "too hard", "the worker's error has its text");
  }

  messenger.send_norequest(Question{"die"});
  try {
    (void)messenger.receive_blocking();
    expect(false, "the worker's death is thrown");
  } catch (const coproc::WorkerDiedError& error) {
    expect(error.pid() == worker.pid(), "the death has the worker's process id");
  }
  use_pools();
  std::cout << "consumed\n";
}
