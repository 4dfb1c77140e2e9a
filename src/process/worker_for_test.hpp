// For the tests of this layer: the shortest way to start a worker, and a pipe by which it reports to the test.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <string>

#include "os/pipe.hpp"
#include "os/poll.hpp"
#include "process/fork_start.hpp"
#include "process/stop_ladder.hpp"

namespace coproc::inline v0::process::testing {

inline void wait_readable(int fd) {
  pollfd entry = {fd, POLLIN, 0};
  while (os::poll_once({&entry, 1}, os::Deadline::forever()) != os::PollEnd::ready) {}
}

/// A non-blocking pipe from a worker (which inherits it) to the test.
class Report {
 public:
  void write(const void* data, std::size_t bytes) const {
    ASSERT_EQ(::write(pipe_.write_end.get(), data, bytes), ssize_t(bytes));
  }
  void write(const std::string& text) const { write(text.data(), text.size()); }
  /// Reads until the last writer has closed the pipe.
  std::string read_to_end() {
    pipe_.write_end.reset();
    std::string text;
    char bytes[4096];
    for (;;) {
      wait_readable(pipe_.read_end.get());
      const ssize_t got = ::read(pipe_.read_end.get(), bytes, sizeof bytes);
      if (got <= 0) return text;
      text.append(bytes, static_cast<std::size_t>(got));
    }
  }
  /// Waits for one value.
  template <class T>
  T read() const {
    T value;
    wait_readable(pipe_.read_end.get());
    EXPECT_EQ(::read(pipe_.read_end.get(), &value, sizeof value), ssize_t(sizeof value));
    return value;
  }
  const os::Pipe& pipe() const { return pipe_; }

 private:
  os::Pipe pipe_ = os::Pipe::create();
};

template <class Body>
Child start(Body&& body, const WorkerOptions& options = {}) {
  return start_by_fork(options, {}, body);
}

inline ExitStatus end_of(Child& child) { return *wait_for_end(child, os::Deadline::forever(), {}); }

}  // namespace coproc::inline v0::process::testing
