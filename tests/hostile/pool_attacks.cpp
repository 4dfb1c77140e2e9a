#include "hostile/pool_attacks.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "coproc/messenger.hpp"
#include "pool/protocol.hpp"

namespace hostile {

using coproc::link::FrameHeader;
using coproc::link::FrameKind;
using coproc::pool::Outcome;
using coproc::pool::ResultHead;
using coproc::pool::ToHost;

std::uint64_t check_of(int x) noexcept { return (static_cast<std::uint64_t>(x) + 1) * 0x9e37'79b9'7f4a'7c15U; }

void LyingTask::answer() const {
  const Answer value{x, check_of(x)};
  run.reply(run, coproc::detail::outgoing(value));
}

namespace {

/// A message of the type that the worker has declared for its own first one.
void send(Attacker& a, const Bytes& payload, FrameHeader frame = {.type = 1}) {
  frame.priority = coproc::Priority().value();
  a.send(frame, payload);
}

Bytes record(std::uint64_t serial, std::uint64_t work_ns, Outcome outcome, int x) {
  return encoded(ToHost::result, ResultHead{serial, work_ns, outcome}, Answer{x, check_of(x)});
}

/// What becomes of the worker then: it answers, hangs until it is killed, ends, or goes on as if nothing had been.
void go_on_somehow(Attacker& a, const LyingTask& task) {
  switch (a.below(5)) {
    case 0:
      return task.answer();
    case 1:
      ::_exit(static_cast<int>(a.below(2)));
    case 2:
      ::raise(SIGKILL);
      return;
    case 3:
      return;  // without any answer
    default:
      a.wait_for_the_end();
  }
}

void answers_twice(Attacker& a, LyingTask& task) {
  for (std::uint64_t times = 2 + a.below(3); times != 0; --times) {
    task.answer();
    a.mutated_in_a_storm();
  }
}

void answers_nothing(Attacker& a, LyingTask&) { a.mutated_in_a_storm(); }

/// Of a task that it was not given, or not any more, or not yet.
void answers_others(Attacker& a, LyingTask& task) {
  const bool is_own_first = a.one_in(2);
  if (is_own_first) task.answer();
  do {
    const std::uint64_t serial = a.one_in(3) ? task.serial + 1 + a.below(3) : a.chosen(task.serial);
    send(a, record(serial, a.below(1000), Outcome::value, -2));
  } while (a.mutated() && !a.one_in(4));
  go_on_somehow(a, task);
}

void skips(Attacker& a, LyingTask& task) {
  const std::uint64_t begin = task.serial - a.below(2);
  for (std::uint64_t serial = begin; serial != begin + 3; ++serial) {
    send(a, record(serial, 0, Outcome::skipped, -3));
    a.mutated_in_a_storm();
  }
  go_on_somehow(a, task);
}

void uses_channels(Attacker& a, LyingTask& task) {
  a.declare_channel(a.one_in(2) ? coproc::ChannelId(7) : coproc::ChannelId("lane"));
  do {
    send(a, record(task.serial, 0, Outcome::value, -4),
         {.channel = 1 + static_cast<std::uint32_t>(a.below(2)), .type = 1});
  } while (a.mutated() && !a.one_in(4));
  go_on_somehow(a, task);
}

void sends_requests_and_replies(Attacker& a, LyingTask& task) {
  do {
    const FrameKind kind = a.one_in(2) ? FrameKind::request : FrameKind::reply;
    send(a, record(task.serial, 0, Outcome::value, -5), {.kind = kind, .type = 1, .request_id = a.below(4)});
  } while (a.mutated() && !a.one_in(4));
  go_on_somehow(a, task);
}

void sends_errors(Attacker& a, LyingTask& task) {
  do {
    send(a, encoded(a.any(), std::string("Some"), std::string(a.below(3000), 'x')),
         {.kind = a.one_in(2) ? FrameKind::error : FrameKind::final_error});
  } while (a.mutated() && !a.one_in(4));
  go_on_somehow(a, task);
}

void asks_to_close(Attacker& a, LyingTask& task) {
  do {
    a.header().side[1].close_requests.fetch_add(1);
    a.wake_host();
  } while (a.mutated() && !a.one_in(4));
  go_on_somehow(a, task);
}

/// Longer than it was there, and less than nothing.
void states_times(Attacker& a, LyingTask& task) {
  send(a, record(task.serial, a.chosen(1000), Outcome::value, task.x));
  a.mutated_in_a_storm();
  go_on_somehow(a, task);
}

void is_ready_again(Attacker& a, LyingTask& task) {
  do send(a, encoded(ToHost::ready));
  while (a.mutated() && !a.one_in(4));
  go_on_somehow(a, task);
}

/// An answer, or an error, of this task in which something is wrong.
void mutated_records(Attacker& a, LyingTask& task) {
  do {
    Bytes bytes = a.one_in(3) ? encoded(ToHost::result, ResultHead{task.serial, 0, Outcome::error}, a.any(),
                                        std::string("std::out_of_range"), std::string("what"))
                              : record(task.serial, 0, Outcome::value, task.x);
    for (std::uint64_t times = 1 + a.below(3); times != 0 && !bytes.empty(); --times) {
      switch (a.below(4)) {
        case 0:
          bytes[a.below(bytes.size())] = std::byte(a.any());
          break;
        case 1:
          bytes[a.below(bytes.size())] ^= std::byte(1U << a.below(8));
          break;
        case 2:
          bytes.resize(a.below(bytes.size()));
          break;
        default:
          bytes.resize(bytes.size() + a.below(40), std::byte(a.any()));
      }
    }
    FrameHeader frame{.type = 1};
    if (a.one_in(8)) frame.type = static_cast<std::uint32_t>(a.chosen(1));
    if (a.one_in(8)) frame.flags = static_cast<std::uint8_t>(a.any());
    send(a, bytes, frame);
  } while (a.mutated() && !a.one_in(8));
  go_on_somehow(a, task);
}

/// As many answers as the link takes, and more.
void floods(Attacker& a, LyingTask& task) {
  do send(a, record(task.serial, 0, Outcome::value, task.x));
  while (a.mutated_in_a_storm());
}

constexpr PoolAttack kAttacks[] = {
    {"answers_twice", answers_twice},     {"answers_nothing", answers_nothing},
    {"answers_others", answers_others},   {"skips", skips},
    {"uses_channels", uses_channels},     {"sends_requests_and_replies", sends_requests_and_replies},
    {"sends_errors", sends_errors},       {"asks_to_close", asks_to_close},
    {"states_times", states_times},       {"is_ready_again", is_ready_again},
    {"mutated_records", mutated_records}, {"floods", floods}};

}  // namespace

std::span<const PoolAttack> lying_in_pools() { return kAttacks; }

}  // namespace hostile
