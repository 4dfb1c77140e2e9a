#include "process/program_worker.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <system_error>
#include <utility>

#include "os/file.hpp"
#include "os/inheritance.hpp"
#include "os/process_state.hpp"
#include "os/processors.hpp"
#include "os/signals.hpp"
#include "os/spawn.hpp"
#include "process/confine_worker.hpp"
#include "process/lifeline.hpp"
#include "process/run_body.hpp"
#include "process/standard_descriptors.hpp"
#include "process/start_channel.hpp"
#include "process/worker_end.hpp"
#include "process/worker_identity.hpp"

namespace coproc::inline v0::process {

namespace {

/// Puts the kept descriptors at their numbers. Received descriptors that are in the way are moved, but not above all
/// numbers: the highest may be the last that the limit allows.
void place_kept(const StartRequest& request, StartFds& fds, os::Fd& socket) {
  const auto is_wanted = [&](int number) {
    return std::find(request.keep_fds.begin(), request.keep_fds.end(), number) != request.keep_fds.end();
  };
  const auto move_away = [&](os::Fd& fd) {
    while (fd && is_wanted(fd.get())) fd = os::duplicate_above(fd.get(), fd.get() + 1);
  };
  move_away(socket);
  move_away(fds.working_directory);
  move_away(fds.lifeline);
  for (os::Fd& fd : fds.standard) move_away(fd);
  for (os::Fd& fd : fds.kept) move_away(fd);
  for (os::Fd& fd : fds.payload) move_away(fd);
  for (std::size_t i = 0; i < fds.kept.size(); ++i) os::put_at(fds.kept[i], request.keep_fds[i]);
  fds.kept.clear();
}

/// `stage` always says which step it is at. Throws std::system_error.
void set_up(const StartRequest& request, StartFds& fds, Lifeline*& lifeline, bool is_own, StartStage& stage) {
  stage = StartStage::setup;
  const os::SignalRules rules{request.ignored_signals, request.heeds_signals_of_others, request.host_pid};
  is_own ? os::begin_signals(rules) : os::keep_signals(rules);
  stage = StartStage::lifeline;
  lifeline = new Lifeline(std::move(fds.lifeline));  // for the rest of this process
  lifeline->end_with_host();
  put_standard_descriptors({std::move(fds.standard[0]), std::move(fds.standard[1]), std::move(fds.standard[2])}, stage);
  stage = StartStage::environment;
  if (request.environment) os::set_environment(*request.environment);
  stage = StartStage::working_directory;
  os::change_directory(fds.working_directory);
  fds.working_directory.reset();
  stage = StartStage::setup;
  if (request.leads_group) os::lead_process_group();
  os::set_process_name(request.name.c_str());
  assume_identity({request.number, request.seed}, is_own);
  cpu_set_t processors;
  if (request.processors.size() == sizeof processors) {
    std::memcpy(&processors, request.processors.data(), sizeof processors);
    os::allow_processors(processors);
  }
}

}  // namespace

namespace {

int run(os::Fd socket, Prepare prepare, bool is_own) noexcept {
  StartRequest request;
  StartFds fds;
  StartReport report;
  Lifeline* lifeline = nullptr;
  std::function<int()> body;
  try {
    report.stage = StartStage::handshake;
    if (!receive_start_request(socket, request, fds)) return 1;  // the host is gone
    report.stage = StartStage::keep_fds;
    place_kept(request, fds, socket);
    set_up(request, fds, lifeline, is_own, report.stage);
    body = prepare(request, std::move(fds.payload));
    report = confine(request.sandbox ? &*request.sandbox : nullptr, request.limits, request.control_group);
  } catch (const StartReport& failed) {
    report = failed;
  } catch (const std::system_error& error) {
    report.error_number = error.code().value();
    report.text = error.what();
  } catch (const std::exception& error) {
    report.text = error.what();
  }
  {
    StartChannel channel(std::move(socket));
    if (!channel.report(report) || report.stage != StartStage::started) return 1;
  }
  return run_body(body, request.name);
}

}  // namespace

int run_own_worker(os::Fd socket, Prepare prepare) noexcept {
  begin_worker(false);
  return run(std::move(socket), prepare, true);
}

int run_program_worker(os::Fd socket, Prepare prepare) noexcept {
  StartChannel::send_here(socket);
  return run(std::move(socket), prepare, false);
}

}  // namespace coproc::inline v0::process
