// A boxed worker for tests, by any start method, and the suite that runs for each of them.
#pragma once

#include <grp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "boxed/attempts.hpp"
#include "os/sanitizer.hpp"
#include "programs.hpp"
#include "support/process.hpp"

namespace boxed {

class BoxedWorker {
 public:
  BoxedWorker(coproc::StartMethod method, coproc::WorkerOptions options) : worker_(make(method, std::move(options))) {}
  BoxedWorker(coproc::StartMethod method, coproc::Sandbox sandbox)
      : BoxedWorker(method, coproc::WorkerOptions{.name = "boxed", .sandbox = std::move(sandbox)}) {}

  void start(bool confines_itself = false) {
    std::visit([&](auto& worker) { worker.start(confines_itself); }, worker_);
  }
  coproc::PriorityMessenger& messenger() {
    return std::visit([](auto& worker) -> auto& { return worker.messenger(); }, worker_);
  }
  std::string ask(const std::string& question) {
    messenger().send_request(question);
    return messenger().receive_blocking<std::string>();
  }
  /// The answer, or "ends: " and the call for which the sandbox has ended the worker.
  std::string ask_or_end(const std::string& question) {
    try {
      return ask(question);
    } catch (const coproc::WorkerDiedError& error) {
      const auto& violation = error.exit_status().violation;
      return "ends: " + (violation ? violation->call : error.exit_status().describe());
    }
  }
  /// The same for each of them, one after the other.
  std::string ask_each(const std::vector<std::string>& questions) {
    std::string answers;
    for (const std::string& each : questions) answers += (answers.empty() ? "" : " ") + ask_or_end(each);
    return answers;
  }
  coproc::Worker* operator->() {
    return std::visit([](coproc::Worker& worker) { return &worker; }, worker_);
  }

 private:
  using Function = coproc::WorkerResource<decltype(&answer_questions)>;
  using Program = coproc::WorkerResource<coproc::Executable>;
  using Any = std::variant<Function, Program>;

  static Any make(coproc::StartMethod method, coproc::WorkerOptions options) {
    options.method = method;
    if (method != coproc::StartMethod::executable) return Function{&answer_questions, std::move(options)};
    return Program{coproc::Executable{BOXED_WORKER}, std::move(options)};
  }

  Any worker_;
};

class ByEveryMethod : public ::testing::TestWithParam<coproc::StartMethod> {
 protected:
  void SetUp() override {
    if (!coproc::os::kHasSanitizer) return;
    const bool has_its_own_end = GetParam() == coproc::StartMethod::executable;
    if (has_its_own_end) {
      GTEST_SKIP() << "a program's own check for leaks, at its end, traces it, which no sandbox allows";
    }
  }
};

inline auto every_method() {
  using enum coproc::StartMethod;
  return ::testing::Values(fork_server, fork, spawn, executable);
}
inline std::string name_of_method(const ::testing::TestParamInfo<coproc::StartMethod>& info) {
  constexpr const char* kNames[] = {"automatic", "fork_server", "fork", "spawn", "executable"};
  return kNames[static_cast<int>(info.param)];
}

/// Returns what `body` returns in a fork of the test, which is another user if `is_nobody`. Skips the test where that
/// cannot be.
template <class Body>
std::string in_host_as(bool is_nobody, Body body) {
  return support::in_host([&] {
    if (is_nobody && (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 ||
                      ::setresuid(65534, 65534, 65534) != 0)) {
      return std::string("not root");
    }
    return body();
  });
}

}  // namespace boxed
