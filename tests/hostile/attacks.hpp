// The attacks, a family a file. Each runs in a worker of its own until the round is over, or until the host ends it.
#pragma once

#include <span>

#include "hostile/attacker.hpp"

namespace hostile {

struct Attack {
  const char* name;
  void (*run)(Attacker&);
  /// One that the host needs seconds to find out: counted by workers, and not by mutations.
  bool is_slow = false;
};

std::span<const Attack> scribbling();  // any value into any word of the link
std::span<const Attack> framing();     // frames that are wrong in themselves or in their place
std::span<const Attack> flooding();    // more than anybody needs
std::span<const Attack> waking();      // the words, sockets and descriptors of waiting
std::span<const Attack> lending();     // references, returns and contents of loans
std::span<const Attack> living();      // stopping, ending and leaving others behind

}  // namespace hostile
