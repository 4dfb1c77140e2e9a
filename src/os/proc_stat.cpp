#include "os/proc_stat.hpp"

#include "os/file.hpp"

namespace coproc::inline v0::os {

std::optional<ProcStat> read_proc_stat(const std::string& folder) {
  const std::string line = read_text(folder + "/stat").value_or("");
  const std::size_t begin = line.find(" ("), end = line.rfind(") ");
  if (begin == std::string::npos || end == std::string::npos || end + 2 >= line.size()) return std::nullopt;
  return ProcStat{line.substr(begin + 2, end - begin - 2), line[end + 2], line.substr(end + 2)};
}

}  // namespace coproc::inline v0::os
