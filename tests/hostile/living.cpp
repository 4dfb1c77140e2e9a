#include <signal.h>
#include <unistd.h>

#include "hostile/attacks.hpp"

namespace hostile {

using coproc::link::FrameKind;

namespace {

void send_something(Attacker& a) {
  a.send({.kind = FrameKind::message, .type = 1, .priority = 0}, encoded(int(a.any())));
}

/// Sends the first piece of a large message, behind others. Returns false if it is to end before.
bool begin_large_message(Attacker& a) {
  a.declare_type(coproc::type_info<int>.id, "int32");
  const std::uint64_t end = a.below(50);
  for (std::uint64_t i = 0; i < end; ++i) {
    send_something(a);
    if (!a.mutated()) return false;
  }
  a.send({.kind = FrameKind::message, .flags = coproc::link::kFirstFragment, .type = 1},
         encoded(std::uint64_t{50'000}));
  a.mutated_in_a_storm();
  return true;
}

void stops_itself(Attacker& a) {
  if (begin_large_message(a)) ::raise(SIGSTOP);
}

void ends_in_the_middle(Attacker& a) {
  if (!begin_large_message(a)) return;
  a.one_in(2) ? ::_exit(static_cast<int>(a.below(256))) : static_cast<void>(::raise(SIGKILL));
}

void ignores_signals(Attacker& a) {
  ::signal(SIGTERM, SIG_IGN);
  a.declare_type(coproc::type_info<int>.id, "int32");
  do send_something(a);
  while (a.mutated());
  for (;;) ::pause();
}

/// Ends at once, but its child goes on with the link, until the round is over.
template <class Body>
void leave_a_grandchild(Attacker& a, Body body) {
  // fork() would take the link away from the child. It counts itself: the worker may be killed in the middle of its
  // fork.
  const pid_t child = ::_Fork();
  if (child < 0) {  // in a box it has to do that itself
    body();
    ::_exit(0);
  }
  if (child != 0) {
    while (a.control().grandchildren.load() == 0 && !a.is_over()) ::sched_yield();
    ::_exit(0);
  }
  a.control().grandchildren.fetch_add(1);
  ::alarm(120);                // should the test end before it
  ::signal(SIGPIPE, SIG_IGN);  // its host may have given the link up
  body();
  a.control().grandchildren.fetch_sub(1);
  ::_exit(0);
}

void leaves_a_scribbler(Attacker& a) {
  a.declare_type(coproc::type_info<int>.id, "int32");
  leave_a_grandchild(a, [&] {
    do {
      const std::size_t at = a.below(a.link().size() - 8);
      a.link()[at] = std::byte(a.any());
      if (a.one_in(8)) a.wake_host();
    } while (a.mutated());
  });
}

/// Something always comes, and nothing ever of it; its process is long gone.
void leaves_a_sender(Attacker& a) {
  a.declare_type(coproc::type_info<int>.id, "int32");
  leave_a_grandchild(a, [&] {
    const Bytes start = encoded(std::uint64_t{60'000});
    do {
      a.send({.kind = FrameKind::message, .flags = coproc::link::kFirstFragment | coproc::link::kAbort, .type = 1},
             start);
    } while (a.mutated_in_a_storm());
  });
}

constexpr Attack kAttacks[] = {{"stops_itself", stops_itself},
                               {"ends_in_the_middle", ends_in_the_middle},
                               {"ignores_signals", ignores_signals},
                               {"leaves_a_scribbler", leaves_a_scribbler},
                               {"leaves_a_sender", leaves_a_sender}};

}  // namespace

std::span<const Attack> living() { return kAttacks; }

}  // namespace hostile
