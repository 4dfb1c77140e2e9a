#include "stack.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "coproc/thread_stack.hpp"
#include "debugger.hpp"
#include "described.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/threads_of.hpp"
#include "process/crash_report.hpp"
#include "process/stack_request.hpp"
#include "seen.hpp"
#include "worker/own_frames.hpp"

namespace command {

namespace {

namespace os = coproc::os;
namespace process = coproc::process;
using coproc::ThreadStack;

struct Threads {
  std::vector<ThreadStack> all;
  std::string source;  // who has told the stacks: "worker", or the debugger; empty: nobody

  bool has_stacks() const {
    return std::ranges::any_of(all, [](const ThreadStack& thread) { return !thread.stack.empty(); });
  }
};

/// The path of its program, by which it is named; or the system's way to the same file, where that is not to be found.
std::string program_of(pid_t pid) {
  const std::string exe = "/proc/" + std::to_string(pid) + "/exe";
  std::array<char, 4096> path;
  const ssize_t got = ::readlink(exe.c_str(), path.data(), path.size());
  const std::string text(path.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  const auto file = os::id_of_path(text.c_str());
  return file && file == os::id_of_path(exe.c_str()) ? text : exe;
}

/// Workers have a signal handler that writes down where their thread is (docs/ending.md). It is for their host, and
/// answers anybody who may send them signals.
Threads ask_worker(const Watcher& watcher, const Seen& seen, pid_t pid) {
  Threads threads;
  const SeenLink* const link = seen.link_of_worker(pid);
  if (link == nullptr || !link->sight) return threads;
  const auto look = [&](std::uint32_t request) -> std::optional<process::CrashArea> {
    process::CrashArea area;
    const auto read = [&] {
      return watcher.read(*link, coproc::link::kCrashAreaAt, std::as_writable_bytes(std::span(&area, 1)));
    };
    // A copy is made piece by piece. The worker writes the number last, so that a copy is whole that is begun with it.
    if (!read() || !process::copy_answer(area, request) || !read()) return std::nullopt;
    return process::copy_answer(area, request);
  };
  // The host counts its own requests from 1.
  std::uint32_t request = std::random_device()() | 0x8000'0000U;
  const os::Deadline deadline(std::chrono::seconds(5));
  const std::string program = program_of(pid);
  for (auto& [thread, answer] : process::ask_for_stacks(pid, request, deadline, look)) {
    if (answer) thread.stack = process::describe_stack(*answer, program, {});
    coproc::leave_out_own_frames(thread.stack);
    threads.all.push_back(std::move(thread));
  }
  if (threads.has_stacks()) threads.source = "worker";
  return threads;
}

/// Whether a debugger could take such a thread.
bool may_be_debugged(const os::ThreadState& thread) {
  return thread.state != 'Z' && thread.state != 'X' && thread.state != 't';
}

Threads ask_debugger(pid_t pid) {
  Threads threads;
  const std::vector<os::ThreadState> states = os::threads_of(pid);
  Debugged debugged;
  if (std::ranges::any_of(states, &may_be_debugged)) debugged = debug(pid);
  if (!debugged.stacks.empty()) threads.source = debugged.name;
  for (const os::ThreadState& state : states) {
    ThreadStack& thread = threads.all.emplace_back(process::thread_without_stack(state));
    const auto found = debugged.stacks.find(state.id);
    if (found != debugged.stacks.end()) thread.stack = found->second;
    if (thread.stack.empty()) thread.note = may_be_debugged(state) ? debugged.problem : "it has ended, or is traced";
  }
  return threads;
}

nlohmann::json json_of(const ThreadStack& thread) {
  return {{"id", thread.id},       {"name", thread.name}, {"state", thread.state}, {"system_call", thread.system_call},
          {"stack", thread.stack}, {"note", thread.note}};
}

std::string json_text(const StackRequest& request, const Threads& threads) {
  nlohmann::json all = nlohmann::json::array();
  for (const ThreadStack& thread : threads.all) all.push_back(json_of(thread));
  nlohmann::json object = {{"pid", request.pid}, {"source", nullptr}, {"threads", std::move(all)}};
  if (!threads.source.empty()) object["source"] = threads.source;
  return text_of(object, 2) + '\n';
}

}  // namespace

std::optional<std::string> stack_text(const StackRequest& request) {
  Watcher watcher;
  const Seen seen = watcher.look();
  Threads threads = ask_worker(watcher, seen, request.pid);
  if (!threads.has_stacks()) {
    Threads debugged = ask_debugger(request.pid);
    // Why a worker has not answered says more than that there is no debugger.
    if (debugged.has_stacks() || threads.all.empty()) threads = std::move(debugged);
  }
  if (threads.all.empty()) return std::nullopt;
  if (request.wants_json) return json_text(request, threads);
  std::string text;
  for (const ThreadStack& thread : threads.all) text += thread.describe() + '\n';
  return text;
}

int stack(const StackRequest& request) {
  const auto text = stack_text(request);
  if (!text) {
    std::fprintf(stderr, "coproc: process %d: there is no such process\n", static_cast<int>(request.pid));
    return 1;
  }
  std::cout << *text;
  return 0;
}

}  // namespace command
