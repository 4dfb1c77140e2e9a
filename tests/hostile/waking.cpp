#include <fcntl.h>
#include <unistd.h>

#include "hostile/attacks.hpp"

namespace hostile {

namespace {

void storm_of_wake_ups(Attacker& a) {
  do a.wake_host();
  while (a.mutated_in_a_storm());
}

void storm_of_close_requests(Attacker& a) {
  do {
    a.header().side[1].close_requests.fetch_add(1);
    if (a.one_in(8)) a.wake_host();
  } while (a.mutated_in_a_storm());
}

void storm_in_the_waiting_words(Attacker& a) {
  do {
    a.header().side[a.below(2)].waiting.store(static_cast<std::uint32_t>(a.below(8)));
    a.header().side[1].processor.store(static_cast<int>(a.below(8)) - 1);
  } while (a.mutated_in_a_storm());
}

/// Says that it is stuck while the host's sends wait for space, and sends until the host's inbox is full, too.
void stuck(Attacker& a) {
  a.declare_type(1, "");
  do {
    a.header().side[1].stuck.store(a.one_in(4) ? static_cast<std::uint32_t>(a.any()) : 1);
    a.send({.kind = coproc::link::FrameKind::message, .type = 1, .priority = 0}, Bytes(500));
  } while (a.mutated_in_a_storm());
}

void full_pipe(Attacker& a) {
  const char bytes[4096] = {};
  do (void)!::write(a.wake_out(), bytes, sizeof bytes);
  while (a.mutated());
}

/// Its own end of the host's pipe: the host cannot be woken any more.
void host_cannot_be_woken(Attacker& a) {
  ::close(a.wake_out());
  do a.header().side[1].waiting.store(7);
  while (a.mutated());
}

/// Its own pipe: the host's wake-ups find nobody.
void cannot_be_woken(Attacker& a) {
  for (int fd = 3; fd < 256; ++fd) {
    if (fd != a.wake_out()) ::close(fd);
  }
  do a.header().side[1].waiting.store(7);
  while (a.mutated());
}

void without_descriptors(Attacker& a) {
  ::close_range(3, ~0u, 0);
  do {
    a.header().side[1].waiting.store(7);
    a.header().side[1].stuck.store(1);
  } while (a.mutated());
}

constexpr Attack kAttacks[] = {{"storm_of_wake_ups", storm_of_wake_ups},
                               {"storm_of_close_requests", storm_of_close_requests},
                               {"storm_in_the_waiting_words", storm_in_the_waiting_words},
                               {"stuck", stuck},
                               {"full_pipe", full_pipe},
                               {"host_cannot_be_woken", host_cannot_be_woken},
                               {"cannot_be_woken", cannot_be_woken, true},
                               {"without_descriptors", without_descriptors, true}};

}  // namespace

std::span<const Attack> waking() { return kAttacks; }

}  // namespace hostile
