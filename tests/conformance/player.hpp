// A worker for the tests that hold for every way to start one, and the suite that runs for each of them.
#pragma once

#include <gtest/gtest.h>

#include <coproc/coproc.hpp>

#include <unistd.h>

#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "conformance/parts.hpp"
#include "conformance/way.hpp"
#include "os/sanitizer.hpp"
#include "programs.hpp"

namespace parts {

/// A worker that plays a part, started in any way.
class Player {
 public:
  /// `fd` is kept open for the part.
  explicit Player(Way way, int fd = -1, coproc::WorkerOptions options = {})
      : fd_(fd), worker_(make(way, fd, std::move(options))) {}

  void start(const std::string& part) {
    if (auto* const there = std::get_if<There>(&worker_)) return there->start(part, name_of_file());
    std::visit(
        [&](auto& worker) {
          if constexpr (!std::is_same_v<decltype(worker), There&>) worker.start(part, fd_);
        },
        worker_);
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
  using There = coproc::WorkerResource<decltype(&play_there)>;
  using Any = std::variant<Function, Program, There>;

  static Any make(const Way& way, int fd, coproc::WorkerOptions options) {
    if (fd >= 0 && way.keeps_descriptors()) options.keep_fds.push_back(fd);
    way.apply_to(options);
    if (way.is_machine()) return There{&play_there, std::move(options)};
    if (way.is_executable()) return Program{coproc::Executable{PARTS_WORKER}, std::move(options)};
    return Function{&play, std::move(options)};
  }
  std::string name_of_file() const {
    return fd_ < 0 ? "" : "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_);
  }

  int fd_;
  Any worker_;
};

/// A suite that runs for every way to start a worker.
class ByEveryWay : public ::testing::TestWithParam<Way> {};

inline auto every_way() {
  using enum coproc::StartMethod;
  std::vector<Way> ways{fork_server, fork, spawn, executable};
  // What sanitizers find in agents, tests/machines shows.
  if (!coproc::os::kHasSanitizer) ways.push_back(Way::machine());
  return ::testing::ValuesIn(ways);
}
inline std::string name_of_way(const ::testing::TestParamInfo<Way>& info) { return info.param.name(); }

}  // namespace parts
