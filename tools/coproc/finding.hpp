// One line of `coproc doctor`.
#pragma once

#include <string>
#include <vector>

namespace command {

enum class Verdict { ok, warns, fails };

struct Finding {
  std::string name;
  Verdict verdict = Verdict::ok;
  std::string text;
  std::string remedy = {};  // where the verdict is not `ok`
};

/// What the system offers: its versions, files, limits, filters and features.
std::vector<Finding> check_machine();
/// Starts a worker in each way that this program can, and sends it a message.
std::vector<Finding> check_starts();

}  // namespace command
