#include "os/process_sample.hpp"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string_view>

#include "os/directory.hpp"
#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/file.hpp"
#include "os/proc_stat.hpp"
#include "os/process_memory.hpp"

namespace coproc::inline v0::os {

namespace {

/// The numbers and letters of one line of /proc, one after the other.
class Words {
 public:
  explicit Words(std::string_view text) : left_(text) {}

  std::string_view next() {
    const std::size_t begin = left_.find_first_not_of(" \n");
    if (begin == std::string_view::npos) return left_ = {};
    left_.remove_prefix(begin);
    const std::string_view word = left_.substr(0, left_.find_first_of(" \n"));
    left_.remove_prefix(word.size());
    return word;
  }
  void skip(int words) {
    for (; words > 0; --words) next();
  }
  template <class T = std::uint64_t>
  T number() {
    const std::string_view word = next();
    T value = 0;
    std::from_chars(word.data(), word.data() + word.size(), value);
    return value;
  }

 private:
  std::string_view left_;
};

}  // namespace

std::optional<std::chrono::nanoseconds> processor_time_of(pid_t pid) {
  clockid_t clock{};
  if (should_fail() || ::clock_getcpuclockid(pid, &clock) != 0) return std::nullopt;
  timespec time{};
  if (call_once([&] { return ::clock_gettime(clock, &time); }) != 0) return std::nullopt;
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::optional<ProcessSample> sample_process(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const std::optional<ProcStat> stat = read_proc_stat(folder);
  const std::string sizes = read_text(folder + "/statm").value_or("");
  if (sizes.empty() || !stat) {
    if (call_once([&] { return ::kill(pid, 0); }) != 0 && errno == ESRCH) return std::nullopt;
    errno = EACCES;
    throw_errno("read", folder + "/stat");
  }
  ProcessSample sample;
  sample.name = stat->name;
  sample.state = stat->state;
  Words words(stat->rest);
  words.skip(1);
  sample.parent = words.number<pid_t>();
  words.skip(9);  // up to field 13
  const std::uint64_t ticks = words.number() + words.number();
  words.skip(4);  // up to field 19
  sample.threads = words.number<std::uint32_t>();
  words.skip(1);
  sample.start_ticks = words.number();

  static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  static const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  Words pages(sizes);
  pages.skip(1);
  sample.resident_bytes = pages.number() * page_bytes;
  sample.shared_bytes = pages.number() * page_bytes;
  sample.peak_bytes = memory_of(pid).peak;
  // The clock is of any user's process. `stat` counts in hundredths of a second.
  sample.processor_time =
      processor_time_of(pid).value_or(std::chrono::nanoseconds(ticks * (1'000'000'000 / ticks_per_second)));
  return sample;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task/";
  bool is_told = true;
  for (const std::string& task : names_in(tasks)) {
    const std::optional<std::string> text = read_text(tasks + task + "/children");
    if (!text) {
      if (id_of_path((tasks + task).c_str())) is_told = false;  // else the thread has ended meanwhile
      continue;
    }
    Words words(*text);
    while (const auto child = words.number<pid_t>()) children.push_back(child);
  }
  if (is_told) return children;
  // A kernel without CONFIG_PROC_CHILDREN.
  children.clear();
  for (const std::string& name : names_in("/proc")) {
    pid_t other = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), other).ec != std::errc{}) continue;
    const std::optional<ProcStat> stat = read_proc_stat("/proc/" + name);
    if (!stat) continue;
    Words words(stat->rest);
    words.skip(1);
    if (words.number<pid_t>() == pid) children.push_back(other);
  }
  return children;
}

}  // namespace coproc::inline v0::os
