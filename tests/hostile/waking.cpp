#include <sys/socket.h>
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

void full_socket(Attacker& a) {
  const char bytes[4096] = {};
  do (void)!::send(a.wake(), bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (a.mutated());
}

/// The host is told that no wake-up call will come any more.
void host_cannot_be_woken(Attacker& a) {
  ::shutdown(a.wake(), SHUT_WR);
  do a.header().side[1].waiting.store(7);
  while (a.mutated());
}

/// The host's wake-ups find nobody.
void cannot_be_woken(Attacker& a) {
  ::shutdown(a.wake(), SHUT_RD);
  do a.header().side[1].waiting.store(7);
  while (a.mutated());
}

/// Both at once.
void hung_up(Attacker& a) {
  ::close(a.wake());
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
                               {"full_socket", full_socket},
                               {"host_cannot_be_woken", host_cannot_be_woken},
                               {"cannot_be_woken", cannot_be_woken, true},
                              {"hung_up", hung_up, true},
                               {"without_descriptors", without_descriptors, true}};

}  // namespace

std::span<const Attack> waking() { return kAttacks; }

}  // namespace hostile
