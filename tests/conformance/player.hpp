// A worker for the tests that hold for every start method, and the suite that runs for each of them.
#pragma once

#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <string>
#include <utility>
#include <variant>

#include "conformance/parts.hpp"

namespace parts {

/// A worker that plays a part, started by any method.
class Player {
 public:
  /// `fd` is kept open for the part.
  explicit Player(coproc::StartMethod method, int fd = -1, coproc::WorkerOptions options = {})
      : fd_(fd), worker_(make(method, fd, std::move(options))) {}

  void start(const std::string& part) {
    std::visit([&](auto& worker) { worker.start(part, fd_); }, worker_);
  }
  coproc::PriorityMessenger& messenger() {
    return std::visit([](auto& worker) -> auto& { return worker.messenger(); }, worker_);
  }
  std::string ask(const std::string& question) {
    messenger().send_request(question);
    return messenger().receive_blocking<std::string>();
  }
  coproc::Worker* operator->() {
    return std::visit([](coproc::Worker& worker) { return &worker; }, worker_);
  }

 private:
  using Function = coproc::WorkerResource<decltype(&play)>;
  using Program = coproc::WorkerResource<coproc::Executable>;
  using Any = std::variant<Function, Program>;

  static Any make(coproc::StartMethod method, int fd, coproc::WorkerOptions options) {
    if (fd >= 0) options.keep_fds.push_back(fd);
    options.method = method;
    if (method != coproc::StartMethod::executable) return Function{&play, std::move(options)};
    return Program{coproc::Executable{PARTS_WORKER}, std::move(options)};
  }

  int fd_;
  Any worker_;
};

/// A suite that runs for every start method.
class ByEveryMethod : public ::testing::TestWithParam<coproc::StartMethod> {};

inline auto every_method() {
  using enum coproc::StartMethod;
  return ::testing::Values(fork_server, fork, spawn, executable);
}
inline std::string name_of_method(const ::testing::TestParamInfo<coproc::StartMethod>& info) {
  constexpr const char* kNames[] = {"automatic", "fork_server", "fork", "spawn", "executable"};
  return kNames[static_cast<int>(info.param)];
}

}  // namespace parts
