#include "coproc/confinement.hpp"

namespace coproc::inline v0 {

std::string Confinement::describe() const {
  std::string text = filters_calls ? "system calls: filtered" : "system calls: all";
  text += "\nLandlock: " + (landlock_abi == 0 ? std::string("none") : "version " + std::to_string(landlock_abi));
  if (landlock_abi != 0) text += scopes_signals ? ", also for signals" : ", but not for signals";
  for (const std::string& limit : limits) text += "\nlimit on " + limit;
  for (const std::string& each : missing) text += "\nnot enforced: " + each;
  return text;
}

}  // namespace coproc::inline v0
