// coproc-checksum: the checksums of all files below a directory, by a pool of worker processes.
//
// A file on which the work crashes, or takes for ever, costs its own checksum and nothing else: try --crash-on.
#include <coproc/coproc.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checksum.hpp"

namespace {

constexpr const char* kUsage =
    "usage: coproc-checksum [options] DIRECTORY\n"
    "Prints checksum, size and path of every file below it, as cksum does. Exit code 1: some could not be computed.\n"
    "  --workers N          processes (as many as processors)\n"
    "  --time-limit SECONDS a file may take (60)\n"
    "  --crash-on NAME      crash on files with this name, on purpose\n"
    "  --insights           what the workers have done, to the standard error\n";

struct Options {
  std::string directory;
  std::string crash_on;
  std::size_t workers = 0;
  double time_limit = 60;
  bool wants_insights = false;
};

/// Runs in a worker; a struct whose members can be sent, so that it takes the name along.
struct ComputeChecksum {
  std::string crash_on;

  checksum::Checksum operator()(const std::string& path) const {
    if (!crash_on.empty() && std::filesystem::path(path).filename() == crash_on) std::abort();
    return checksum::of_file(path);
  }
};

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number <= 0) return std::nullopt;
  return number;
}

std::optional<Options> read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--insights") {
      options.wants_insights = true;
    } else if (name.starts_with("--")) {
      if (++i == argc) return std::nullopt;
      const auto workers = number_in<std::size_t>(argv[i]);
      const auto seconds = number_in<double>(argv[i]);
      if (name == "--crash-on") {
        options.crash_on = argv[i];
      } else if (name == "--workers" && workers) {
        options.workers = *workers;
      } else if (name == "--time-limit" && seconds) {
        options.time_limit = *seconds;
      } else {
        return std::nullopt;
      }
    } else if (options.directory.empty()) {
      options.directory = name;
    } else {
      return std::nullopt;
    }
  }
  if (options.directory.empty()) return std::nullopt;
  return options;
}

std::vector<std::string> files_below(const std::string& directory) {
  std::vector<std::string> files;
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, options)) {
    if (entry.is_regular_file() && !entry.is_symlink()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The exit code.
int run(const Options& options) {
  const std::vector<std::string> files = files_below(options.directory);
  coproc::Pool pool{{.workers = options.workers, .worker = {.name = "checksum"}}};
  coproc::ProgressBar bar("checksums");
  const coproc::TaskOptions tasks{.time_limit = std::chrono::duration<double>(options.time_limit), .progress = bar};
  int code = 0;
  for (auto& result : pool.map(ComputeChecksum{options.crash_on}, files, tasks).as_results()) {
    const std::string& path = files[result.index()];
    try {
      const checksum::Checksum sum = result.value();
      if (bar.is_shown()) bar.clear();
      std::printf("%u %llu %s\n", sum.crc, static_cast<unsigned long long>(sum.size), path.c_str());
    } catch (const std::exception& error) {
      bar.clear();
      std::fprintf(stderr, "coproc-checksum: %s: %s\n", path.c_str(), error.what());
      code = 1;
    }
  }
  if (options.wants_insights) std::fputs(pool.insights().table().c_str(), stderr);
  return std::fflush(stdout) == 0 ? code : 2;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = read_options(argc, argv);
  if (!options) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  try {
    return run(*options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coproc-checksum: %s\n", error.what());
    return 2;
  }
}
