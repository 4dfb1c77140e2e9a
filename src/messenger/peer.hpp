// The name and process number of the other end of a link, for the texts of errors.
//
// Thread safety: a value.
#pragma once

#include <string>

#include "coproc/errors.hpp"

namespace coproc::inline v0::detail {

struct Peer {
  std::string name = "peer";  // the worker's name, "host" or "peer"
  int pid = 0;                // set once the worker has been started

  std::string with_pid() const { return name + " (pid " + std::to_string(pid) + ")"; }

  /// Throws ProtocolError. `what`: the rule that the peer broke, as a sentence about "it".
  [[noreturn]] void throw_broken_rule(const std::string& what) const {
    throw ProtocolError(with_pid() + " broke the rules of the link: " + what +
                        "; nothing more can be received from it: stop it");
  }
};

}  // namespace coproc::inline v0::detail
