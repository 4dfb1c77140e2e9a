#include <gnu/libc-version.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "finding.hpp"
#include "os/fd.hpp"
#include "os/find_program.hpp"
#include "os/landlock.hpp"
#include "os/pidfd.hpp"
#include "os/processors.hpp"

namespace command {

namespace {

namespace os = coproc::os;

constexpr std::uint64_t kMebibyte = 1 << 20;
/// A link takes about 0.25 MiB by default. A limit below this leaves little for anything else.
constexpr std::uint64_t kFewBytes = 64 * kMebibyte;
constexpr std::uint64_t kFewDescriptors = 1024;
constexpr std::uint64_t kDescriptorsOfAWorker = 4;
constexpr std::uint64_t kFewProcesses = 256;

std::optional<std::string> first_line_of(const char* path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

/// The value of a line `Name:\tvalue` of /proc/self/status.
std::optional<std::string> own_status(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":"))
      return line.substr(std::min(line.size(), line.find_first_not_of(" \t", name.size() + 1)));
  }
  return std::nullopt;
}

Finding check_versions() {
  utsname system = {};
  (void)::uname(&system);
  return {"versions", Verdict::ok,
          std::string("coproc " COPROC_VERSION ", ") + system.sysname + ' ' + system.release + ' ' + system.machine +
              ", glibc " + ::gnu_get_libc_version()};
}

Finding check_proc() {
  if (::access("/proc/self/exe", R_OK) == 0 && own_status("Pid") == std::to_string(::getpid())) {
    return {"/proc", Verdict::ok, "is there, for this process"};
  }
  return {"/proc", Verdict::warns, "is not mounted, or is that of other processes: stacks of crashes have fewer names",
          "mount -t proc proc /proc"};
}

Finding check_memory_files() {
  const os::Fd file(::memfd_create("coproc-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) {
    return {"shared memory", Verdict::fails, std::string("memfd_create: ") + std::strerror(errno),
            "allow memfd_create in the filter of system calls: links are made of it"};
  }
  if (::ftruncate(file.get(), static_cast<off_t>(kMebibyte)) != 0) {
    return {"shared memory", Verdict::fails, std::string("1 MiB cannot be had: ") + std::strerror(errno),
            "raise `ulimit -f` and the memory of the control group"};
  }
  void* memory = ::mmap(nullptr, kMebibyte, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) {
    return {"shared memory", Verdict::fails, std::string("it cannot be mapped: ") + std::strerror(errno),
            "raise `ulimit -v`"};
  }
  (void)::munmap(memory, kMebibyte);
  return {"shared memory", Verdict::ok, "memfd_create works"};
}

Finding check_pidfds() {
  if (os::Pidfd::can_open()) return {"pidfds", Verdict::ok, "pidfd_open works"};
  return {"pidfds", Verdict::warns, "pidfd_open is not there, or is refused: only some start methods work",
          "use Linux 5.3 or later, and allow pidfd_open in the filter of system calls"};
}

/// nullopt: there is no limit.
std::optional<std::uint64_t> limit_of(int resource) {
  rlimit limit = {};
  // Their type is an enumeration in C++.
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::nullopt;
  }
  return limit.rlim_cur;
}

Finding check_descriptors() {
  const auto limit = limit_of(RLIMIT_NOFILE);
  if (!limit) return {"descriptors", Verdict::ok, "no limit"};
  const std::string text = std::to_string(*limit) + ": enough for about " +
                           std::to_string(*limit / kDescriptorsOfAWorker) + " workers of one host";
  if (*limit >= kFewDescriptors) return {"descriptors", Verdict::ok, text};
  return {"descriptors", Verdict::warns, text, "ulimit -n " + std::to_string(kFewDescriptors) + ", or more"};
}

Finding check_processes() {
  const auto limit = limit_of(RLIMIT_NPROC);
  if (!limit) return {"processes", Verdict::ok, "no limit for this user"};
  const std::string text = std::to_string(*limit) + " for all programs of this user together";
  if (*limit >= kFewProcesses) return {"processes", Verdict::ok, text};
  return {"processes", Verdict::warns, text, "ulimit -u " + std::to_string(kFewProcesses) + ", or more"};
}

Finding check_sizes() {
  struct Limit {
    const char* what;
    int resource;
    const char* option;
  };
  const Limit limits[] = {
      {"address space", RLIMIT_AS, "-v"}, {"file size", RLIMIT_FSIZE, "-f"}, {"data", RLIMIT_DATA, "-d"}};
  Finding finding = {"memory", Verdict::ok, ""};
  for (const Limit& one : limits) {
    const auto limit = limit_of(one.resource);
    if (!limit) continue;
    finding.text +=
        (finding.text.empty() ? "" : ", ") + std::string(one.what) + ' ' + std::to_string(*limit / kMebibyte) + " MiB";
    if (*limit >= kFewBytes) continue;
    finding.verdict = Verdict::warns;
    finding.remedy += (finding.remedy.empty() ? "ulimit " : ", ulimit ") + std::string(one.option) + " unlimited";
  }
  if (finding.text.empty()) finding.text = "no limits of address space, files and data";
  return finding;
}

Finding check_processors() {
  const std::size_t usable = os::usable_processors();
  return {"processors", Verdict::ok,
          std::to_string(usable) + " for this process, of " + std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) +
              " (pools start as many workers)"};
}

Finding check_filter() {
  if (own_status("Seccomp").value_or("0") == "0")
    return {"filter", Verdict::ok, "no filter of system calls is on this process"};
  return {"filter", Verdict::ok, "this process has a filter of system calls, as in a container"};
}

Finding check_boxes() {
  const int abi = os::landlock_abi();
  if (abi > 0) return {"sandboxes", Verdict::ok, "Landlock's version is " + std::to_string(abi)};
  return {"sandboxes", Verdict::warns,
          "there is no Landlock: boxes keep files and ports by the filter of system calls alone",
          "use Linux 5.13 or later with landlock in its list of security modules (lsm=)"};
}

Finding check_clock() {
  const auto source = first_line_of("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  if (!source) return {"clock", Verdict::ok, "the system does not name its clock source"};
  if (*source != "hpet" && *source != "acpi_pm" && *source != "jiffies") return {"clock", Verdict::ok, *source};
  return {"clock", Verdict::warns,
          *source + ": each look at the time takes a microsecond, waits with a time among them",
          "use a clock source of the processor (clocksource=tsc), if the machine has one that is stable"};
}

Finding check_agent() {
  if (const auto path = os::find_program("coproc-agent")) return {"coproc-agent", Verdict::ok, *path};
  return {"coproc-agent", Verdict::warns, "is not in PATH: there are no workers on other machines",
          "install coproc with its programs, or give MachineOptions::agent"};
}

}  // namespace

std::vector<Finding> check_machine() {
  return {check_versions(),    check_proc(),      check_memory_files(), check_pidfds(),
          check_descriptors(), check_processes(), check_sizes(),        check_processors(),
          check_filter(),      check_boxes(),     check_clock(),        check_agent()};
}

}  // namespace command
