#include "coproc/monitor.hpp"

#include <unistd.h>

#include <cstdio>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

#include "coproc/errors.hpp"
#include "coproc/worker_resource.hpp"
#include "monitor/protocol.hpp"
#include "os/mutex.hpp"

namespace coproc::inline v0 {

namespace {

void answer(MultiMessenger& host, const Message& message, MonitorRecorder& recorder) {
  if (message.holds<MonitorNote>()) {
    try {
      recorder.note(message.get<MonitorNote>());
    } catch (const std::system_error& error) {
      host.send_error(error);  // the log: that is no reason to record no more
    }
  } else if (message.holds<monitor::AskResult>()) {
    recorder.sample();
    host.reply_to(message, recorder.result());
  } else {
    host.reply_to(message, true);
  }
}

/// The target of the monitor's worker.
void record(MultiMessenger& host, MonitorOptions options, std::chrono::nanoseconds began) {
  MonitorRecorder recorder(std::move(options), began);
  try {
    for (;;) {
      if (const auto message = host.receive_for<Message>(recorder.until_next_sample())) {
        answer(host, *message, recorder);
      }
      if (recorder.until_next_sample() == std::chrono::nanoseconds::zero()) recorder.sample();
    }
  } catch (const ResourceRequestedClose&) {
  } catch (const HostDiedError&) {}
  // If the host has died, there are some hundred milliseconds for this (process/lifeline.hpp).
  recorder.finish();
}

WorkerOptions worker_options() {
  WorkerOptions options;
  options.name = "coproc-monitor";
  options.stop = {.close = std::chrono::seconds(10)};
  return options;
}

}  // namespace

struct Monitor::State {
  explicit State(int watched) : pid(watched) {}

  const int pid;
  const std::chrono::nanoseconds began = monitor_clock();
  const std::chrono::system_clock::time_point began_at = std::chrono::system_clock::now();
  os::Mutex mutex;
  WorkerResource<void (*)(MultiMessenger&, MonitorOptions, std::chrono::nanoseconds)> worker COPROC_GUARDED_BY(mutex){
      &record, worker_options()};
  bool is_closed COPROC_GUARDED_BY(mutex) = false;
};

Monitor::Monitor(MonitorOptions options) {
  check_monitor_options(options);
  if (options.pid == 0) options.pid = ::getpid();
  state_ = std::make_unique<State>(options.pid);
  const os::MutexLock lock(state_->mutex);
  state_->worker.start(std::move(options), state_->began);
  state_->worker.messenger().call(monitor::AskReady());
}

Monitor::Monitor(Monitor&&) noexcept = default;

Monitor& Monitor::operator=(Monitor&& other) noexcept {
  Monitor ends(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

Monitor::~Monitor() {
  try {
    if (state_ != nullptr) close();
  } catch (const std::exception&) {
    // A destructor can tell nobody: close() does.
  }
}

void Monitor::note(std::string text, std::string details, NoteOptions options) {
  MonitorNote note{.time = monitor_clock() - state_->began,
                   .text = std::move(text),
                   .details = std::move(details),
                   .log = options.log,
                   .label = options.label,
                   .print = options.print,
                   .resident_bytes = resident_bytes_of(state_->pid)};
  if (note.print) {
    const std::string line = note_line(note, state_->began_at) + '\n';
    std::fwrite(line.data(), 1, line.size(), stdout);
  }
  const os::MutexLock lock(state_->mutex);
  state_->worker.messenger().send_norequest(note);
}

MonitorResult Monitor::result() {
  const os::MutexLock lock(state_->mutex);
  return state_->worker.messenger().call(monitor::AskResult());
}

void Monitor::close() {
  const os::MutexLock lock(state_->mutex);
  if (std::exchange(state_->is_closed, true)) return;
  state_->worker.finish(std::chrono::seconds(60));
  try {
    state_->worker.messenger().receive_blocking();  // what has prevented the file, or else the end
  } catch (const WorkerDiedError& error) {
    const auto& end = error.exit_status().end;
    // Where the program ignores SIGCHLD nobody knows how it ended.
    if (end != decltype(end)(Exited{0}) && !std::holds_alternative<UnknownEnd>(end)) throw;
  }
}

int Monitor::pid() const {
  const os::MutexLock lock(state_->mutex);
  return state_->worker.pid();
}

}  // namespace coproc::inline v0
