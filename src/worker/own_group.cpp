#include "worker/own_group.hpp"

#include <unistd.h>

#include <atomic>
#include <string>
#include <system_error>

#include "process/start_stage.hpp"

namespace coproc::inline v0 {

namespace {

std::unique_ptr<os::OwnControlGroup> make_group_in(const std::string& parent) {
  static std::atomic<unsigned long> count{0};
  for (;;) {
    const std::string name = "coproc-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    try {
      return std::make_unique<os::OwnControlGroup>(parent, name);
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::file_exists) throw;  // of an earlier process with this pid
    }
  }
}

[[noreturn]] void throw_refused(int error_number, const std::string& text) {
  throw process::StartReport{.stage = process::StartStage::sandbox,
                             .error_number = error_number,
                             .text = "WorkerOptions::control_group: " + text};
}

[[noreturn]] void throw_no_controller(const WorkerOptions& options, const char* limit, const char* controller) {
  throw_refused(0, "a group in " + options.control_group + " has no controller for Limits::" + limit + ": write +" +
                       controller + " into cgroup.subtree_control there, or leave the limit out");
}

}  // namespace

std::unique_ptr<os::OwnControlGroup> make_own_group(const WorkerOptions& options) {
  if (options.control_group.empty()) return nullptr;
  try {
    auto group = make_group_in(options.control_group);
    const Limits& limits = options.limits;
    if (limits.memory && !group->limit_memory(*limits.memory)) throw_no_controller(options, "memory", "memory");
    if (limits.processes && !group->limit_processes(*limits.processes)) {
      throw_no_controller(options, "processes", "pids");
    }
    return group;
  } catch (const std::system_error& error) {
    throw_refused(error.code().value(), error.what());
  }
}

void add_limits_of_own_group(const Limits& limits, std::vector<std::string>& described) {
  const auto add = [&](const char* name, auto value, const char* unit, const char* kind) {
    described.push_back(std::string(name) + ": " + std::to_string(value) + unit + " of its control group (" + kind +
                        ")");
  };
  if (limits.memory) add("memory", *limits.memory, " bytes", "memory.max");
  if (limits.processes) add("processes", *limits.processes, "", "pids.max");
}

}  // namespace coproc::inline v0
