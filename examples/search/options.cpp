#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <thread>

#include "word.hpp"

namespace search {

const char* const kUsage =
    "usage: coproc-search [OPTION]... DIR [QUERY...]\n"
    "Prints the lines of the text files below DIR that hold the word QUERY, in any case, as path:line:text,\n"
    "as `LC_ALL=C grep -rnwiI QUERY DIR` does.\n"
    "\n"
    "  -j N             N workers, each of which keeps the index of its share (default: one per processor)\n"
    "  --interactive    answer the words that are typed, a line each, at once from what is indexed so far;\n"
    "                   a line :wait waits until everything is (default on a terminal without QUERY)\n"
    "  --no-progress    no progress bar on the terminal\n"
    "  --crash-test N   kill a worker after N files are indexed, to see that nothing is lost\n"
    "  --help           this text\n"
    "\n"
    "Exit status: 0 a line was found, 1 none was, 2 something could not be searched.\n";

namespace {

std::size_t parse_number(std::string_view option, std::string_view text, std::size_t least, std::size_t most) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    throw UsageError(std::string(option) + " needs a number from " + std::to_string(least) + " to " +
                     std::to_string(most) + ", not '" + std::string(text) + "'");
  }
  return number;
}

}  // namespace

Options parse_options(std::span<const char* const> arguments, bool can_type) {
  Options options;
  options.workers = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 256);
  std::vector<std::string> names;
  bool are_options_over = false;

  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    auto value = [&]() -> std::string_view {
      if (++i == arguments.size()) throw UsageError(std::string(argument) + " needs a number behind it");
      return arguments[i];
    };
    if (are_options_over || !argument.starts_with('-')) {
      names.emplace_back(argument);
    } else if (argument == "--") {
      are_options_over = true;
    } else if (argument == "-j") {
      options.workers = parse_number(argument, value(), 1, 256);
    } else if (argument.starts_with("-j")) {
      options.workers = parse_number("-j", argument.substr(2), 1, 256);
    } else if (argument == "--interactive") {
      options.is_interactive = true;
    } else if (argument == "--no-progress") {
      options.wants_progress = false;
    } else if (argument == "--crash-test") {
      options.crash_after = parse_number(argument, value(), 1, 1'000'000'000);
    } else if (argument == "--help") {
      options.wants_help = true;
      return options;
    } else {
      throw UsageError("unknown option " + std::string(argument) + " (--help lists all of them)");
    }
  }

  if (names.empty()) throw UsageError("no DIR given: name the directory to search");
  options.directory = names.front();
  options.words.assign(names.begin() + 1, names.end());
  for (const std::string& word : options.words) {
    if (!is_word(word)) {
      throw UsageError("'" + word +
                       "' is not a single word: only ASCII letters, digits and underscores can be searched for");
    }
  }
  if (options.words.empty() && !options.is_interactive) {
    if (!can_type)
      throw UsageError("no QUERY given: name words to search for, or say --interactive to give them on the input");
    options.is_interactive = true;
  }
  return options;
}

}  // namespace search
