#include "support/hygiene.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>
#include <vector>

#include "coproc/fork_server.hpp"
#include "support/watchdog.hpp"

namespace support {

namespace {

std::vector<std::string> names_in(const std::string& directory) {
  struct Close {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  const std::unique_ptr<DIR, Close> open(::opendir(directory.c_str()));
  if (!open) {
    ADD_FAILURE() << "the hygiene check cannot read " << directory << ": " << std::strerror(errno);
    return {};
  }
  const std::string own_descriptor = std::to_string(::dirfd(open.get()));
  std::vector<std::string> names;
  // No other thread uses this DIR.
  while (const dirent* entry = ::readdir(open.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string name = entry->d_name;
    const bool is_own = directory == "/proc/self/fd" && name == own_descriptor;
    if (name != "." && name != ".." && !is_own) names.push_back(name);
  }
  return names;
}

std::string target_of(const std::string& link) {
  char text[PATH_MAX];
  const ssize_t length = ::readlink(link.c_str(), text, sizeof text);
  return length < 0 ? "?" : std::string(text, static_cast<std::size_t>(length));
}

std::string first_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

Holdings Holdings::now(const char* shared_memory_directory) {
  Holdings held;
  auto& things = held.things_;

  for (const auto& fd : names_in("/proc/self/fd")) things["descriptor " + fd] = target_of("/proc/self/fd/" + fd);

  for (const auto& thread : names_in("/proc/self/task")) {
    things["thread " + thread] = first_line_of("/proc/self/task/" + thread + "/comm");
    std::istringstream children(first_line_of("/proc/self/task/" + thread + "/children"));
    for (std::string child; children >> child;) things["child process " + child];
  }

  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    for (const char* signals : {"SigBlk:", "SigIgn:", "SigCgt:"}) {
      if (!line.starts_with(signals)) continue;
      // Signals 32 and 33 belong to glibc, which handles them once there is a thread.
      constexpr unsigned long long kGlibcsOwn = 0b11ULL << 31;
      std::ostringstream hexadecimal;
      hexadecimal << std::hex << (std::stoull(line.substr(std::strlen(signals)), nullptr, 16) & ~kGlibcsOwn);
      things["signals " + std::string(signals)] = hexadecimal.str();
    }
  }

  // Compared by name and not by address, since a new mapping may be at another address.
  std::map<std::string, int> mapped;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const auto name = line.find("/memfd:");
    if (name != std::string::npos) ++mapped[line.substr(name)];
  }
  for (const auto& [name, count] : mapped) things["mappings of " + name] = std::to_string(count);

  for (const auto& name : names_in(shared_memory_directory)) {
    struct stat file {};
    const std::string path = std::string(shared_memory_directory) + "/" + name;
    if (::lstat(path.c_str(), &file) == 0 && file.st_uid == ::geteuid()) things["shared memory " + path];
  }
  return held;
}

std::string Holdings::difference_from(const Holdings& before) const {
  std::ostringstream text;
  for (const auto& [thing, value] : things_) {
    const auto old = before.things_.find(thing);
    if (old == before.things_.end()) {
      text << "  left behind: " << thing << " " << value << "\n";
    } else if (old->second != value) {
      text << "  changed: " << thing << " from " << old->second << " to " << value << "\n";
    }
  }
  for (const auto& [thing, value] : before.things_) {
    if (!things_.contains(thing)) text << "  gone: " << thing << " " << value << "\n";
  }
  return text.str();
}

std::string lasting_difference(const Holdings& before) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::seconds(3) * time_scale();
  for (;;) {
    const std::string difference = Holdings::now().difference_from(before);
    if (difference.empty() || Clock::now() > deadline) return difference;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void HygieneListener::OnTestStart(const testing::TestInfo&) { before_ = Holdings::now(); }

void HygieneListener::OnTestEnd(const testing::TestInfo& test) {
  coproc::stop_fork_server();  // it stays for the next worker, by design
  const std::string difference = lasting_difference(*before_);
  if (difference.empty()) return;
  ADD_FAILURE() << test.test_suite_name() << "." << test.name() << " did not leave this process as it found it:\n"
                << difference;
}

}  // namespace support
