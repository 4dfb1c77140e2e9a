#include "bridge.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "bridged_program.hpp"
#include "c_api/payload.hpp"
#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "coproc/this_worker.hpp"
#include "monitor.hpp"
#include "records.hpp"

namespace command {

namespace {

using coproc::Message;
using coproc::Messenger;
using namespace std::chrono_literals;

volatile sig_atomic_t was_terminated = 0;

/// As in any worker, only the host's SIGTERM counts (docs/ending.md).
void note_termination(int, siginfo_t* info, void*) {
  if (info->si_pid == ::getppid() || info->si_pid == ::getpid()) was_terminated = 1;
}

/// SIGTERM and SIGCHLD come only while the bridge sleeps, so that none is missed. A write to a program that has ended
/// is an error. Returns the mask for that sleep.
sigset_t take_signals() {
  struct sigaction action = {};
  action.sa_sigaction = &note_termination;
  action.sa_flags = SA_SIGINFO;
  (void)::sigaction(SIGTERM, &action, nullptr);
  action.sa_sigaction = [](int, siginfo_t*, void*) {};  // it only wakes
  (void)::sigaction(SIGCHLD, &action, nullptr);
  (void)::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, asleep;
  (void)::sigemptyset(&blocked);
  (void)::sigaddset(&blocked, SIGTERM);
  (void)::sigaddset(&blocked, SIGCHLD);
  (void)::sigprocmask(SIG_BLOCK, &blocked, &asleep);
  (void)::sigdelset(&asleep, SIGTERM);
  (void)::sigdelset(&asleep, SIGCHLD);
  return asleep;
}

std::string name_of(int signal) {
  const char* const name = ::sigabbrev_np(signal);
  return name == nullptr ? "signal " + std::to_string(signal) : "SIG" + std::string(name);
}

class Bridge {
 public:
  Bridge(const BridgeRequest& request, Messenger& host)
      : request_(request),
        host_(host),
        asleep_(take_signals()),
        program_(request.program),
        records_(request.is_msgpack, request.max_bytes) {}

  /// Returns how the program has ended, as waitpid() does. Throws the worker's error if it has not ended well.
  int run() {
    while (!program_.has_ended()) {
      pass_termination_on();
      take_messages();
      give_input();
      const bool has_sent = send_records();
      const bool has_read = read_output();
      if (program_.read_complaints() || has_sent || has_read) continue;
      sleep();
    }
    return finish();
  }

  bool was_terminated_by(int signal) const noexcept { return has_passed_on_ && signal == SIGTERM; }

 private:
  // ---- from the host ----

  void pass_termination_on() {
    // One that waits for a sleep: there is none while the program prints all the time.
    sigset_t set;
    (void)::sigemptyset(&set);
    (void)::sigaddset(&set, SIGTERM);
    siginfo_t info = {};
    const timespec at_once = {0, 0};
    if (::sigtimedwait(&set, &info, &at_once) == SIGTERM) note_termination(SIGTERM, &info, nullptr);
    if (was_terminated == 0 || has_passed_on_) return;
    has_passed_on_ = true;
    program_.signal(SIGTERM);
  }

  /// Takes a message only when the one before is in the program's stdin: a program that does not read makes the host
  /// wait.
  void take_messages() {
    if (!is_asked_to_close_ && host_.close_requested()) stop_taking(true);
    if (takes_nothing_ || !input_.empty()) return;
    try {
      for (auto message = host_.receive_for(0s); message; message = host_.receive_for(0s)) {
        pass_on(*message);
        if (!input_.empty()) break;
      }
    } catch (const coproc::EndOfMessages&) {
      stop_taking(false);
    } catch (const coproc::ResourceRequestedClose&) {
      stop_taking(true);
    }
  }

  /// The end of the host's messages is the end of the program's input. A close request does not wait for what the
  /// program has not read yet.
  void stop_taking(bool is_asked_to_close) noexcept {
    takes_nothing_ = true;
    if (!is_asked_to_close) return;
    is_asked_to_close_ = true;
    input_.clear();
  }

  void pass_on(const Message& message) {
    const bool is_request = message.request_id() && !message.is_reply();
    try {
      if (program_.input() < 0) throw std::runtime_error("it has closed its stdin");
      append_input(message);
      if (is_request) ++open_requests_;
    } catch (const std::runtime_error& error) {
      const std::runtime_error told("coproc bridge: a message was not passed on to \"" + program_.name() +
                                    "\": " + error.what());
      is_request ? host_.reply_error_to(message, told) : host_.send_error(told);
    }
  }

  void append_input(const Message& message) {
    namespace c_api = coproc::c_api;
    const coproc_kind kind = c_api::kind_of(message);
    if (kind == COPROC_OTHER || kind == COPROC_ERROR) {
      throw std::runtime_error("it is a " + coproc::detail::in_one_line(message.type_name()) +
                               ": send text, bytes or MessagePack (coproc/msgpack.hpp)");
    }
    const std::string data = c_api::data_of(message, kind);
    if (request_.is_msgpack) {
      if (data.size() > 0xffff'fff0U) throw std::runtime_error("it has 4 GiB or more");
      std::string packed;
      if (kind == COPROC_TEXT) c_api::append_str(packed, data);
      if (kind == COPROC_BYTES) c_api::append_bin(packed, data);
      append_record(input_, kind == COPROC_MSGPACK ? data : packed);
      return;
    }
    const auto text = kind == COPROC_MSGPACK ? c_api::text_in(data) : std::string_view(data);
    if (!text) throw std::runtime_error("it is a value of MessagePack other than text: send text, or use --msgpack");
    if (text->find('\n') != std::string_view::npos)
      throw std::runtime_error(
          "it has a newline in it, and would be more than one line: send no newlines, or use "
          "--msgpack");
    input_ += *text;
    input_ += '\n';
  }

  void give_input() {
    if (program_.input() >= 0 && !input_.empty()) {
      written_ += program_.write(std::string_view(input_).substr(written_));
      if (written_ < input_.size() && program_.input() >= 0) return;
    }
    input_.clear();
    written_ = 0;
    if (takes_nothing_) program_.close_input();
  }

  // ---- to the host ----

  /// Reads more only when every line before was sent: a host that does not receive makes the program wait.
  bool read_output() { return !is_blocked_ && program_.read_output(records_.buffer(), kReadAtOnce); }

  /// Returns whether anything was sent.
  bool send_records() {
    bool has_sent = false;
    while (const auto record = complain_about([&] { return records_.next(); })) {
      if (!send(*record, false)) return has_sent;
      has_sent = true;
    }
    return has_sent;
  }

  /// Returns false if there was no room for a while. Then the program's other streams have their turn.
  bool send(std::string_view record, bool is_last) {
    try {
      send_within(record, is_last && !is_asked_to_close_ ? coproc::kForever : coproc::Timeout(patience_));
      is_blocked_ = false;
      patience_ = kPatience;
      records_.drop();
      return true;
    } catch (const coproc::TimeoutError&) {
      // What is sent in many pieces begins anew, so that it gets more time.
      if (record.size() > kSmall) patience_ *= 2;
    } catch (const coproc::ResourceRequestedClose&) {
      stop_taking(true);  // there is no room, and waits end at once from now on
    }
    is_blocked_ = true;
    return false;
  }

  /// A reply to the oldest request that has none, or else a message.
  void send_within(std::string_view record, coproc::Timeout time) {
    const coproc::SendOptions options{.timeout = time};
    coproc::c_api::with_payload(request_.is_msgpack ? COPROC_MSGPACK : COPROC_TEXT, record, [&](const auto& value) {
      if (open_requests_ == 0) return host_.send_norequest(value, coproc::kDefaultChannel, options);
      host_.send_reply(value, coproc::kDefaultChannel, options);
      --open_requests_;
    });
  }

  // ---- waiting ----

  void sleep() {
    const bool looks_at_host = !takes_nothing_ && input_.empty() && !is_blocked_;
    std::array<pollfd, 4> entries = {{{looks_at_host ? host_.native_handle() : -1, POLLIN, 0},
                                      {input_.empty() ? -1 : program_.input(), POLLOUT, 0},
                                      {is_blocked_ ? -1 : program_.output(), POLLIN, 0},
                                      {program_.complaints(), POLLIN, 0}}};
    // A close request shows itself by the host's descriptor, which is readable all the time while messages wait there:
    // where none may be taken, it is asked for now and then. Where a message waits for room, its send has waited.
    const bool looks_again = !looks_at_host && !is_asked_to_close_;
    const timespec now_and_then = {0, is_blocked_ && !is_asked_to_close_ ? 0 : 50'000'000};
    (void)::ppoll(entries.data(), entries.size(), looks_again || is_blocked_ ? &now_and_then : nullptr, &asleep_);
  }

  // ---- the end ----

  /// Calls `look`, whose error is one of the program's output.
  template <class Look>
  std::optional<std::string_view> complain_about(const Look& look) {
    try {
      return look();
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("coproc bridge: the program \"" + program_.name() + "\" " + error.what() + complaints());
    }
  }

  std::string complaints() const {
    const std::string& text = program_.last_complaints();
    return text.empty() ? "" : "\nits stderr ends with: " + coproc::detail::in_lines(text, "    ");
  }

  int finish() {
    while (program_.read_complaints()) {}
    do {
      while (const auto record = complain_about([&] { return records_.next(); })) send_at_last(*record);
    } while (program_.read_output(records_.buffer(), kReadAtOnce));
    const int status = program_.reap();
    if (const auto record = complain_about([&] { return records_.last(); })) send_at_last(*record);
    const bool is_signalled = WIFSIGNALED(status);
    if (is_signalled ? was_terminated_by(WTERMSIG(status)) : WEXITSTATUS(status) == 0) return status;
    throw Failed{status, "coproc bridge: the program \"" + program_.name() + "\" " +
                             (is_signalled ? "was ended by " + name_of(WTERMSIG(status))
                                           : "exited with code " + std::to_string(WEXITSTATUS(status))) +
                             complaints()};
  }

  /// If the host wants no more, and has no room, the rest is dropped.
  void send_at_last(std::string_view record) {
    if (!send(record, true)) records_.drop();
  }

 public:
  struct Failed {
    int status;
    std::string text;
  };

 private:
  static constexpr std::size_t kReadAtOnce = 16384;
  static constexpr std::size_t kSmall = 8192;  // fits into any ring at once
  static constexpr std::chrono::milliseconds kPatience = 50ms;

  const BridgeRequest& request_;
  Messenger& host_;
  sigset_t asleep_;
  BridgedProgram program_;
  Records records_;
  std::string input_;        // what the program is to be given
  std::size_t written_ = 0;  // bytes of it that it was given
  std::size_t open_requests_ = 0;
  std::chrono::milliseconds patience_ = kPatience;
  bool is_blocked_ = false;  // a record waits for room
  bool takes_nothing_ = false;
  bool is_asked_to_close_ = false;
  bool has_passed_on_ = false;
};

struct Plan {
  const BridgeRequest& request;
  int status = 0;
};

void run_plan(void* context, Messenger& host, coproc::detail::ReceivedArguments& arguments) {
  Plan& plan = *static_cast<Plan*>(context);
  arguments.decoder.finish();
  try {
    plan.status = Bridge(plan.request, host).run();
  } catch (const Bridge::Failed& failed) {
    plan.status = failed.status;
    throw std::runtime_error(failed.text);
  }
}

/// Ends this process by a signal, as the program was, without a second core file.
void end_by(int signal) {
  const rlimit none = {0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
  (void)::signal(signal, SIG_DFL);
  sigset_t set;
  (void)::sigemptyset(&set);
  (void)::sigaddset(&set, signal);
  (void)::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  (void)::kill(::getpid(), signal);
}

}  // namespace

int bridge(const BridgeRequest& request) {
  if (!coproc::this_worker::is_worker()) {
    std::fputs(
        "coproc: bridge is the program of a worker, which a host starts: "
        "coproc::Executable{\"/usr/bin/coproc\", {\"bridge\", \"--\", \"program\"}} in C++, "
        "coproc.ProgramResource(\"/usr/bin/coproc\", [\"bridge\", \"--\", \"program\"]) in Python\n",
        stderr);
    return kFailed;
  }
  Plan plan{request};
  const int code = coproc::detail::run_this_worker({&run_plan, &plan, {}, true});
  if (WIFSIGNALED(plan.status)) {
    end_by(WTERMSIG(plan.status));
    return 128 + WTERMSIG(plan.status);
  }
  return plan.status == 0 ? code : WEXITSTATUS(plan.status);
}

}  // namespace command
