// The command line of coproc-search.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace search {

struct Options {
  std::string directory;
  std::vector<std::string> words;
  std::size_t workers = 1;
  bool is_interactive = false;
  bool wants_progress = true;
  std::optional<std::size_t> crash_after;  // kill a worker after so many files
  bool wants_help = false;
};

extern const char* const kUsage;

/// A command line that makes no sense; the text says what to write instead.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// `can_type`: the standard input is a terminal.
Options parse_options(std::span<const char* const> arguments, bool can_type);

}  // namespace search
