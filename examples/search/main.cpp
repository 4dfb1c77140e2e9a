// coproc-search: an inverted index kept by several worker processes, which can be asked while it is being built.
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "options.hpp"
#include "progress.hpp"
#include "search.hpp"

namespace {

constexpr int kFailed = 2;

int fail(const std::string& text) {
  std::fprintf(stderr, "coproc-search: %s\n", text.c_str());
  return kFailed;
}

search::Progress::Mode progress_mode(const search::Options& options) {
  using Mode = search::Progress::Mode;
  if (!options.wants_progress || isatty(STDERR_FILENO) == 0) return Mode::off;
  return options.is_interactive ? Mode::top_line : Mode::last_line;
}

}  // namespace

int main(int argc, char** argv) {
  search::Options options;
  try {
    options = search::parse_options({argv + 1, static_cast<std::size_t>(argc - 1)}, isatty(STDIN_FILENO) != 0);
  } catch (const search::UsageError& error) {
    std::fputs(search::kUsage, stderr);
    return fail(error.what());
  }
  if (options.wants_help) {
    std::fputs(search::kUsage, stdout);
    return 0;
  }
  std::error_code error;
  if (!std::filesystem::is_directory(options.directory, error)) {
    return fail(options.directory + ": " + (error ? error.message() : "not a directory; give the one that it is in"));
  }

  try {
    search::Progress progress(progress_mode(options));
    return search::Search(std::move(options), progress).run();
  } catch (const std::exception& failure) {
    return fail(failure.what());
  }
}
