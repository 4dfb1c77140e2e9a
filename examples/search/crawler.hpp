// Finds the files below a directory, one directory at a time.
//
// Thread safety: none.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "messages.hpp"

namespace search {

/// Regular files only; symbolic links are not followed, apart from the top directory itself: as grep -r.
class Crawler {
 public:
  explicit Crawler(std::string directory);

  bool is_finished() const { return directories_.empty(); }

  /// Reads one more directory and appends the files in it. `warn` is told of what cannot be read.
  void step(std::vector<std::string>& files, const std::function<void(const Warning&)>& warn);

 private:
  std::vector<std::string> directories_;  // still to be read
};

}  // namespace search
