#include "screen.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>

#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/poll.hpp"

namespace command {

namespace {

namespace os = coproc::os;

/// The other screen, without a cursor; and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l", kLeave = "\x1b[?25h\x1b[?1049l";

void write(std::string_view text) { os::write_all(STDOUT_FILENO, text); }

/// The first characters of a line of UTF-8.
std::string_view cut(std::string_view line, std::size_t columns) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(line[i]) & 0xC0) != 0x80;
    if (begins && columns-- == 0) return line.substr(0, i);
  }
  return line;
}

}  // namespace

bool Screen::is_there() noexcept { return ::isatty(STDOUT_FILENO) == 1; }

Screen::Screen() {
  sigset_t taken;
  (void)::sigemptyset(&taken);
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH}) (void)::sigaddset(&taken, signal);
  (void)::sigprocmask(SIG_BLOCK, &taken, &signals_before_);
  signals_ = os::Fd(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) {
    const int reason = errno;
    (void)::sigprocmask(SIG_SETMASK, &signals_before_, nullptr);
    throw std::system_error(reason, std::generic_category(), "signalfd");
  }
  has_keys_ = ::tcgetattr(STDIN_FILENO, &settings_before_) == 0;
  enter();
}

Screen::~Screen() {
  leave();
  (void)::sigprocmask(SIG_SETMASK, &signals_before_, nullptr);
}

void Screen::enter() {
  if (has_keys_) {
    termios keys = settings_before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // each key at once; Ctrl-C and Ctrl-Z stay signals
    (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
  }
  write(kEnter);
}

void Screen::leave() noexcept {
  write(kLeave);
  if (has_keys_) (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &settings_before_);
}

/// Ctrl-Z: a shell waits until this process has stopped.
void Screen::stop_as_asked() {
  leave();
  (void)::raise(SIGSTOP);
  enter();
}

void Screen::show(const std::vector<std::string>& lines) {
  winsize size{};
  (void)::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
  const std::size_t columns = size.ws_col == 0 ? 80 : size.ws_col, rows = size.ws_row == 0 ? 24 : size.ws_row;
  std::string picture = "\x1b[H";
  for (std::size_t i = 0; i < std::min(lines.size(), rows); ++i) {
    if (i != 0) picture += "\r\n";
    picture += cut(lines[i], columns);
    picture += "\x1b[K";
  }
  write(picture + "\x1b[J");
}

Screen::Waited Screen::wait(std::chrono::nanoseconds time) {
  const os::Deadline deadline(std::max(time, std::chrono::nanoseconds(0)));
  do {
    std::array<pollfd, 2> entries = {{{signals_.get(), POLLIN, 0}, {has_keys_ ? STDIN_FILENO : -1, POLLIN, 0}}};
    (void)os::poll_once(entries, deadline);
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGTSTP) stop_as_asked();
      if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGWINCH) return {false, true};
      signal_ = static_cast<int>(info.ssi_signo);
      return {true, true};
    }
    if (entries[1].revents == 0) continue;
    std::array<char, 64> keys;
    const ssize_t got = ::read(STDIN_FILENO, keys.data(), keys.size());
    if (got <= 0) return {true, true};  // the terminal is gone
    const std::string_view pressed(keys.data(), static_cast<std::size_t>(got));
    if (pressed.find_first_of("qQ") != std::string_view::npos) return {true, true};
  } while (!deadline.passed());
  return {false, false};
}

}  // namespace command
