// What Search prints: matches to the standard output, everything else to the standard error.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "search.hpp"

namespace search {

namespace {

void write_out(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    throw std::system_error(errno, std::generic_category(), "writing the matches to the standard output failed");
  }
}

std::string lines_text(std::uint64_t lines) { return std::to_string(lines) + (lines == 1 ? " line" : " lines"); }

}  // namespace

void Search::print_answered() {
  for (auto at = asked_.begin(); at != asked_.end();) {
    if (at->second.missing != 0) {
      // Command-line words in their order, whichever is answered first.
      if (at->second.why == Asked::Why::last) break;
      ++at;
      continue;
    }
    if (at->second.why == Asked::Why::interim) {
      print_interim(at->second);
    } else {
      print_lines(at->second);
    }
    at = asked_.erase(at);
  }
}

void Search::print_interim(const Asked& asked) {
  interim_counts_[asked.word] = asked.lines;
  if (progress_.is_shown()) return;  // stands beside the bar
  progress_.print_line(asked.word + ": " + lines_text(asked.lines) + " so far, " + std::to_string(asked.indexed) +
                       " files indexed");
}

void Search::print_lines(Asked& asked) {
  std::sort(asked.files.begin(), asked.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  progress_.clear();
  for (const FileMatches& file : asked.files) {
    for (const Line& line : file.lines)
      write_out(file.path + ":" + std::to_string(line.number) + ":" + line.text + "\n");
  }
  if (std::fflush(stdout) != 0) {
    throw std::system_error(errno, std::generic_category(), "writing the matches to the standard output failed");
  }
  if (asked.lines != 0) has_found_ = true;

  if (asked.why == Asked::Why::typed || options_.words.size() > 1 || options_.is_interactive) {
    const bool is_whole = crawler_.is_finished() && asked.indexed >= found();
    progress_.print_line(
        asked.word + ": " + lines_text(asked.lines) + " in " + std::to_string(asked.files.size()) + " files; " +
        (is_whole ? "all " : "") + std::to_string(asked.indexed) +
        (is_whole ? "" : " of " + std::to_string(found()) + (crawler_.is_finished() ? "" : " or more")) +
        " files are indexed");
  }
}

void Search::show_progress() {
  if (is_everything_indexed()) progress_.clear();
  if (!progress_.is_shown() || is_everything_indexed()) return;
  ProgressState state{.indexed = indexed(), .found = found(), .is_found_final = crawler_.is_finished(), .note = {}};
  for (const auto& [word, lines] : interim_counts_) {
    state.note += (state.note.empty() ? "" : ", ") + word + ": " + lines_text(lines);
  }
  progress_.show(state);
}

}  // namespace search
