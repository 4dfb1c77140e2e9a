// What host and workers say to each other: aggregates; `priority` decides which of them a receive returns first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace search {

inline constexpr int kQuery = 0;  // overtakes
inline constexpr int kBulk = 1;   // everything that is queued to be indexed

/// Replies travel on the default channel.
enum class Channel { warning };

// ---- host to index worker, each a request ----

struct IndexFile {
  std::string path;
  int priority = kBulk;
};

/// All lines with this word: answered by Answer.
struct Query {
  std::string word;
  int priority = kQuery;
};

/// Only how many these are: answered by Count.
struct CountQuery {
  std::string word;
  int priority = kQuery;
};

// ---- index worker to host ----

/// The reply to IndexFile, also where the file could not be indexed: then a Warning was sent before.
struct Indexed {
  int priority = kBulk;
};

struct Line {
  std::uint64_t number = 0;
  std::string text;
};

struct FileMatches {
  std::string path;
  std::vector<Line> lines;  // ascending
};

struct Answer {
  std::vector<FileMatches> files;
  int priority = kQuery;
};

struct Count {
  std::uint64_t lines = 0;
  int priority = kQuery;
};

/// On Channel::warning. A binary file is skipped, as grep -I does; `failed`: what should have been searched was not.
struct Warning {
  enum class Kind { binary, failed };
  Kind kind = Kind::failed;
  std::string path;
  std::string text;
  int priority = kQuery;
};

// ---- the worker that reads what the user types, to host ----

struct TypedLine {
  std::string text;
};
struct EndOfTyping {};

}  // namespace search
