// The inverted index of one worker's share of the files: for each word the lines that hold it.
//
// Thread safety: none; each worker has its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "messages.hpp"

namespace search {

/// Keeps the texts, too: answers show the files as they were when they were indexed.
class ShareIndex {
 public:
  void add(std::string path, std::string text);

  /// The lines that hold this word, in any case: the files in the order of `add`, the lines ascending. As grep -w -i.
  std::vector<FileMatches> find(std::string_view word) const;
  std::uint64_t count(std::string_view word) const;

 private:
  struct File {
    std::string path;
    std::string text;
    std::vector<std::size_t> line_starts;
  };
  /// Both from zero. Ascending in each word's list, without repetition.
  struct Place {
    std::uint32_t file;
    std::uint32_t line;
    bool operator==(const Place&) const = default;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view word) const { return std::hash<std::string_view>()(word); }
  };

  void add_word(std::string_view folded_word, Place place);
  const std::vector<Place>& places_of(std::string_view word) const;

  std::vector<File> files_;
  std::unordered_map<std::string, std::vector<Place>, Hash, std::equal_to<>> places_;
};

}  // namespace search
