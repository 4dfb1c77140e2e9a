#include "known_process.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <system_error>
#include <utility>

#include "link/link_memory.hpp"
#include "os/directory.hpp"
#include "os/threads_of.hpp"
#include "sandbox/calls.hpp"
#include "start_of.hpp"

namespace command {

namespace {

namespace os = coproc::os;

uid_t user_of(const std::string& folder) {
  struct stat status {};
  return ::stat(folder.c_str(), &status) == 0 ? status.st_uid : static_cast<uid_t>(-1);
}

}  // namespace

bool KnownProcess::look() {
  constexpr std::uint64_t kKernelThread = 0x0020'0000;  // of the flags
  const std::string folder = "/proc/" + std::to_string(pid_);
  const auto processor_time = os::processor_time_of(pid_);
  auto stat = os::read_proc_stat(folder);
  if (!stat || (field_of(*stat, 9).value_or(0) & kKernelThread) != 0) return false;
  // The line besides the time: it counts page faults, which nobody is spared who maps memory and uses it, while the
  // clock of a virtual machine may leave out a short run.
  if (processor_time && processor_time == processor_time_ && *stat == stat_) return true;

  const bool is_same = field_of(*stat, kStartField) == field_of(stat_, kStartField);
  processor_time_ = processor_time;
  stat_ = std::move(*stat);
  parent_ = static_cast<pid_t>(field_of(stat_, 4).value_or(0));
  user_ = user_of(folder);
  details_.reset();
  os::MappedMemories mapped;
  if (pid_ != ::getpid()) mapped = os::mapped_memories_of(pid_, coproc::link::kMemoryName);
  // A process maps a link while it has the descriptor, which it may close later. So there is nothing to look for where
  // nothing was mapped since a look that has found no descriptor.
  const bool may_have_descriptors = !descriptors_.empty() || !is_same || mapped.all != mapped_.all;
  mapped_ = std::move(mapped);
  if (mapped_.all.empty()) {
    descriptors_.clear();
  } else if (may_have_descriptors) {
    descriptors_ = os::memory_descriptors_of(pid_, coproc::link::kMemoryName);
  }
  return true;
}

const KnownProcess::Details* KnownProcess::details() {
  if (details_) return &*details_;
  try {
    auto sample = os::sample_process(pid_);
    if (!sample) return nullptr;
    details_ = Details{std::move(*sample), {}};
  } catch (const std::system_error&) {
    return nullptr;
  }
  if (const auto call = os::call_of_first_thread(pid_)) details_->call = coproc::sandbox::name_of_call(*call);
  return &*details_;
}

KnownProcess::Identity KnownProcess::identity() const {
  return {pid_, stat_.name, field_of(stat_, kStartField), field_of(stat_, kEnvironmentField)};
}

const std::string& KnownProcess::start_by(const KnownProcess& host) {
  std::pair<Identity, Identity> both(identity(), host.identity());
  if (both != start_is_of_) {
    start_ = start_of(pid_, host.pid_);
    start_is_of_ = std::move(both);
  }
  return start_;
}

void look(KnownProcesses& processes) {
  KnownProcesses before = std::exchange(processes, {});
  for (const std::string& name : os::names_in("/proc")) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    auto known = before.extract(pid);
    const auto place =
        known.empty() ? processes.emplace(pid, KnownProcess(pid)).first : processes.insert(std::move(known)).position;
    if (!place->second.look()) processes.erase(place);
  }
}

}  // namespace command
