#include "process/crash_report.hpp"

#include <link.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "coproc/detail/foreign_text.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/own_program.hpp"
#include "process/symbols.hpp"
#include "sandbox/calls.hpp"

namespace coproc::inline v0::process {

namespace {

/// Copies the area, once: what the worker writes into it afterwards has no effect.
std::optional<CrashArea> copy_of(std::span<const std::byte, kCrashReportBytes> area) {
  const auto* state = reinterpret_cast<const std::uint32_t*>(area.data());  // NOLINT: the area's first member
  static_assert(offsetof(CrashArea, state) == 0);
  // Pairs with the release in complete_report(). std::atomic_ref takes no const object.
  if (__atomic_load_n(state, __ATOMIC_ACQUIRE) != kCrashComplete) return std::nullopt;
  CrashArea report;
  std::memcpy(&report, area.data(), sizeof report);
  if (report.frame_count > report.frames.size()) return std::nullopt;
  return report;
}

/// Returns nullopt if `at` is out of range, or if no zero byte follows it.
std::optional<std::string> path_at(const CrashArea& report, std::uint32_t at) {
  if (at >= report.paths.size()) return std::nullopt;
  const auto begin = report.paths.begin() + at;
  const auto end = std::find(begin, report.paths.end(), '\0');
  if (end == report.paths.end()) return std::nullopt;
  return std::string(begin, end);
}

/// The modules of this process that were loaded from a file.
std::set<std::string> loaded_modules() {
  std::set<std::string> paths;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        // The program itself is "". The kernel's "linux-vdso.so.1" would be searched for in the working directory.
        if (info->dlpi_name[0] == '/') static_cast<std::set<std::string>*>(result)->insert(info->dlpi_name);
        return 0;
      },
      &paths);
  return paths;
}

/// The last part of a path, without anything that a terminal would act upon.
std::string label_of(const std::string& path) {
  std::string label = path.substr(path.find_last_of('/') + 1);
  std::replace_if(
      label.begin(), label.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return label;
}

struct Frame {
  std::uint64_t offset;
  std::optional<std::string> module;
  std::optional<Symbol> symbol;
};

std::vector<Frame> frames_of(const CrashArea& report) {
  std::vector<Frame> frames;
  for (const CrashFrame& frame : std::span(report.frames).first(report.frame_count)) {
    frames.push_back({frame.offset, path_at(report, frame.path_at), {}});
  }
  return frames;
}

/// How long the host searches for names. A call that waits for the worker's death waits for this, too.
constexpr std::chrono::milliseconds kTimeForSymbols{500};

void find_symbols(std::vector<Frame>& frames, const std::string& program,
                  const std::optional<os::FileIdentity>& as_started) {
  const os::Deadline deadline(kTimeForSymbols);
  std::map<std::string, std::vector<Frame*>> modules;
  for (Frame& frame : frames) {
    if (frame.module) modules[*frame.module].push_back(&frame);
  }
  const std::set<std::string> loaded = loaded_modules();
  for (const auto& [module, inside] : modules) {
    const auto known = loaded.find(module);
    if (!module.empty() && known == loaded.end()) continue;
    // A link that leads to the file being executed, even if it has been replaced or removed.
    const std::string own_or_program = program.empty() ? "/proc/self/exe" : program;
    const os::Fd file = os::try_open_regular_file((module.empty() ? own_or_program : *known).c_str());
    if (!file) continue;
    // The file has changed since: its names would be wrong, and may come from a stranger.
    if (module.empty() && as_started && as_started != os::identity_of(file)) continue;
    const bool is_own = !module.empty() || program.empty();
    std::vector<std::uint64_t> offsets;
    for (const Frame* frame : inside) offsets.push_back(frame->offset);
    auto symbols = symbols_at(file, offsets, deadline, is_own ? Names::trusted : Names::strange);
    for (std::size_t i = 0; i < inside.size(); ++i) inside[i]->symbol = std::move(symbols[i]);
  }
}

/// Only for these two signals si_addr is an address of data. If the processor cannot tell it, the kernel says so.
bool knows_address(const CrashArea& report) {
  return (report.signal == SIGSEGV || report.signal == SIGBUS) && report.code > 0 && report.code != SI_KERNEL;
}

std::string hexadecimal(std::uint64_t number) {
  char digits[16];
  return "0x" + std::string(digits, std::to_chars(digits, std::end(digits), number, 16).ptr);
}

std::string describe(const Frame& frame, const std::string& program_label) {
  std::string place;
  if (frame.module) place = (frame.module->empty() ? program_label : label_of(*frame.module)) + '+';
  place += hexadecimal(frame.offset);
  if (!frame.symbol) return place;
  return detail::in_one_line(frame.symbol->name, 1000) + " + " + hexadecimal(frame.symbol->offset) + " (" + place + ')';
}

}  // namespace

std::optional<Violation> read_violation(std::span<const std::byte, kCrashReportBytes> area) {
  const auto report = copy_of(area);
  if (!report || report->signal != SIGSYS || report->code != kRefusedByFilter) return std::nullopt;
  return Violation{sandbox::name_of_call(report->refused_call), report->arguments};
}

std::vector<std::string> describe_stack(const CrashArea& answer, const std::string& program,
                                        const std::optional<os::FileIdentity>& as_started) {
  std::vector<Frame> frames = frames_of(answer);
  find_symbols(frames, program, as_started);
  const std::string program_label = label_of(program.empty() ? os::own_program_name() : program);
  std::vector<std::string> lines;
  for (const Frame& frame : frames)
    lines.push_back('#' + std::to_string(lines.size()) + ' ' + describe(frame, program_label));
  return lines;
}

std::vector<std::string> read_crash_report(std::span<const std::byte, kCrashReportBytes> area,
                                           const std::string& program,
                                           const std::optional<os::FileIdentity>& as_started) {
  const auto report = copy_of(area);
  if (!report) return {};
  std::vector<std::string> lines = describe_stack(*report, program, as_started);
  if (!lines.empty() && knows_address(*report)) lines[0] += ", accessing " + hexadecimal(report->fault_address);
  return lines;
}

}  // namespace coproc::inline v0::process
