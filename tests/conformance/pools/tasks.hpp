// What the scenarios of pool_promises.cpp run in workers, and the marks through which both sides talk.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

namespace promises {

// ---- marks: files, through which tasks and this program tell each other how far they are ----

inline std::string path_of(const std::string& mark) {
  static const std::string directory = [] {
    std::string name = std::filesystem::temp_directory_path() / "coproc-promise-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    return name;
  }();
  return directory + "/" + mark;
}
inline void leave(const std::string& path) { std::ofstream(path, std::ios::app) << "x" << std::flush; }
inline std::uintmax_t count(const std::string& path) {
  std::error_code none;
  const std::uintmax_t size = std::filesystem::file_size(path, none);
  return none ? 0 : size;
}
inline void wait_for(const std::function<bool()>& is_reached) {
  while (!is_reached()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// ---- tasks ----

inline int square(int x) { return x * x; }
inline int same(int x) { return x; }
inline int fail_at_2(int x) { return x == 2 ? throw std::runtime_error("bad 2") : x; }
inline int sleep_for_ever(int x) {
  for (;;) ::pause();
  return x;
}
inline int hang_at_2(int x) { return x == 2 ? sleep_for_ever(x) : x; }
inline int mark(const std::string& path) {
  leave(path);
  return 0;
}
inline int mark_and_hang(const std::string& path) { return mark(path) + sleep_for_ever(0); }
inline int mark_and_wait(const std::string& path, const std::string& until) {
  leave(path);
  wait_for([&] { return count(until) != 0; });
  return 9;
}
inline int close_all(int) {
  ::close_range(3, ~0U, 0);
  return sleep_for_ever(0);
}
inline int pid(int) { return ::getpid(); }
/// Also if the worker is on a machine: two rings then, and 1 MiB in between.
inline constexpr std::size_t kMoreThanTheLink = 4'000'000;
inline int length_of(const std::string& text) { return static_cast<int>(text.size()); }

/// Leaves a mark and dies at 2, unless there was a mark already and it is to live then.
struct DieAt2 {
  std::string path;
  bool once = false;
  int operator()(int x) const {
    if (x != 2) return x;
    leave(path);
    if (!once || count(path) == 1) ::raise(SIGKILL);
    return x;
  }
};

/// The worker's child traces it: SIGKILL ends it then, but nobody can reap it while the tracer lives.
inline int be_traced(const std::string& began, const std::string& release) {
  const pid_t self = ::getpid();
  ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  if (::fork() == 0) {
    ::setsid();
    if (::ptrace(PTRACE_SEIZE, self, 0, 0) != 0) leave(release);
    leave(began);
    wait_for([&] { return count(release) != 0; });
    ::_exit(0);
  }
  return sleep_for_ever(0);
}

struct Unencodable {
  int value = 0;
};
struct Undecodable {
  int value = 0;
};
inline Unencodable make_unencodable(int x) { return {x}; }
inline Undecodable make_undecodable(int x) { return {x}; }
inline int value_of(const Unencodable& given) { return given.value; }

}  // namespace promises

template <>
struct coproc::Codec<promises::Unencodable> {
  static constexpr std::string_view name = "unencodable";
  static void encode(Encoder& encoder, const promises::Unencodable& given) {
    if (given.value == 1) throw std::runtime_error("not encoded");
    coproc::encode(encoder, given.value);
  }
  static promises::Unencodable decode(Decoder& decoder) { return {coproc::decode<int>(decoder)}; }
};
template <>
struct coproc::Codec<promises::Undecodable> {
  static constexpr std::string_view name = "undecodable";
  static void encode(Encoder& encoder, const promises::Undecodable& given) { coproc::encode(encoder, given.value); }
  static promises::Undecodable decode(Decoder& decoder) {
    const int value = coproc::decode<int>(decoder);
    return value == 1 ? throw std::runtime_error("not decoded") : promises::Undecodable{value};
  }
};
