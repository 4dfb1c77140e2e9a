// The command line of coproc-images.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace images {

struct Options {
  std::vector<std::string> files;
  std::map<std::string, std::string> deeds;  // by the name of the file that has taken the decoder over
  std::size_t workers = 0;
  std::size_t memory_mib = 256;
  double time_limit = 10;
  bool is_boxed = true;
};

extern const char* const kUsage;

/// Returns nothing for a line that is not understood.
std::optional<Options> read_options(int argc, char** argv);

}  // namespace images
