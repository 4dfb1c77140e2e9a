#include "share_index.hpp"

#include <utility>

#include "word.hpp"

namespace search {

void ShareIndex::add(std::string path, std::string text) {
  const auto number = static_cast<std::uint32_t>(files_.size());
  File& file = files_.emplace_back(File{std::move(path), std::move(text), {}});
  if (file.text.empty()) return;

  file.line_starts.push_back(0);
  std::string word;
  auto end_word = [&] {
    if (word.empty()) return;
    add_word(word, {number, static_cast<std::uint32_t>(file.line_starts.size() - 1)});
    word.clear();
  };
  for (std::size_t at = 0; at < file.text.size(); ++at) {
    const char c = file.text[at];
    if (const char f = fold(c); f != 0) {
      word.push_back(f);
      continue;
    }
    end_word();
    if (c == '\n' && at + 1 < file.text.size()) file.line_starts.push_back(at + 1);
  }
  end_word();
}

void ShareIndex::add_word(std::string_view folded_word, Place place) {
  auto entry = places_.find(folded_word);
  if (entry == places_.end()) entry = places_.try_emplace(std::string(folded_word)).first;
  if (entry->second.empty() || entry->second.back() != place) entry->second.push_back(place);
}

const std::vector<ShareIndex::Place>& ShareIndex::places_of(std::string_view word) const {
  static const std::vector<Place> none;
  const auto entry = places_.find(folded(word));
  return entry == places_.end() ? none : entry->second;
}

std::uint64_t ShareIndex::count(std::string_view word) const { return places_of(word).size(); }

std::vector<FileMatches> ShareIndex::find(std::string_view word) const {
  std::vector<FileMatches> found;
  const File* last = nullptr;
  for (const Place place : places_of(word)) {
    const File& file = files_[place.file];
    if (&file != last) found.push_back({file.path, {}});
    last = &file;

    const std::size_t start = file.line_starts[place.line];
    const std::size_t end = file.text.find('\n', start);  // npos: a last line without a newline
    found.back().lines.push_back({std::uint64_t{place.line} + 1, file.text.substr(start, end - start)});
  }
  return found;
}

}  // namespace search
