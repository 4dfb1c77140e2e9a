#include "options.hpp"

#include <charconv>
#include <string_view>

#include "deeds.hpp"

namespace images {

const char* const kUsage =
    "usage: coproc-images [options] FILE...\n"
    "Prints format, size, mean colour and path of each PNG or JPEG file. Exit code 1: some could not be decoded.\n"
    "  --workers N             processes that decode (as many as processors)\n"
    "  --memory MIB            that a decoder may use (256)\n"
    "  --time-limit SECONDS    that a file may take (10)\n"
    "  --taken-over NAME=DEED  a file of this name takes its decoder over, which then does this:\n"
    "                          open, connect, fork, kill, memory or loop\n"
    "  --no-sandbox            decode without a box\n";

namespace {

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0;
}

bool read_deed(std::string_view text, Options& options) {
  const std::size_t at = text.find('=');
  if (at == std::string_view::npos || !is_deed(text.substr(at + 1))) return false;
  options.deeds[std::string(text.substr(0, at))] = text.substr(at + 1);
  return true;
}

bool read_option(std::string_view name, std::string_view value, Options& options) {
  if (name == "--workers") return read_number(value, options.workers);
  if (name == "--memory") return read_number(value, options.memory_mib);
  if (name == "--time-limit") return read_number(value, options.time_limit);
  return name == "--taken-over" && read_deed(value, options);
}

}  // namespace

std::optional<Options> read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--no-sandbox") {
      options.is_boxed = false;
    } else if (!name.starts_with("--")) {
      options.files.emplace_back(name);
    } else if (++i == argc || !read_option(name, argv[i], options)) {
      return std::nullopt;
    }
  }
  if (options.files.empty()) return std::nullopt;
  return options;
}

}  // namespace images
