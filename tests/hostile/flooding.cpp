#include "hostile/attacks.hpp"

namespace hostile {

using coproc::link::FrameKind;

namespace {

/// The host is no slower than the flood: it is not paced, but full rings and inboxes push back.
void empty_messages(Attacker& a) {
  a.declare_type(1, "");
  do a.send({.kind = FrameKind::message, .type = 1, .priority = 0});
  while (a.mutated_in_a_storm());
}

void each_of_its_own_priority(Attacker& a) {
  a.declare_type(1, "");
  do a.send({.kind = FrameKind::message, .type = 1, .priority = double(a.any())});
  while (a.mutated_in_a_storm());
}

void errors(Attacker& a) {
  do
    a.send({.kind = a.one_in(2) ? FrameKind::error : FrameKind::final_error},
           encoded(a.any(), std::string(), std::string()));
  while (a.mutated_in_a_storm());
}

void large_errors(Attacker& a) {
  const Bytes error = encoded(a.any(), std::string(500, 't'), std::string(3000, 'x'));
  do a.send({.kind = FrameKind::error}, error);
  while (a.mutated_in_a_storm());
}

void requests(Attacker& a) {
  a.declare_type(coproc::type_info<int>.id, "int32");
  std::uint64_t id = 0;
  do a.send({.kind = FrameKind::request, .type = 1, .request_id = ++id, .priority = 0}, encoded(1));
  while (a.mutated_in_a_storm());
}

/// Ids that all fall into one place of a hash table that multiplies by the golden ratio.
void replies_with_colliding_ids(Attacker& a) {
  a.declare_type(1, "");
  constexpr std::uint64_t kInverse = 0xf1de83e19937733d;  // of 0x9e3779b97f4a7c15, modulo 2^64
  std::uint64_t low = 0;
  do a.send({.kind = FrameKind::reply, .type = 1, .request_id = ++low * kInverse, .priority = 0});
  while (a.mutated_in_a_storm());
}

void declared_channels(Attacker& a) {
  std::uint64_t n = 0;
  do a.declare_channel(++n);
  while (a.mutated_in_a_storm());
}

void declared_names(Attacker& a) {
  do a.declare_channel(std::to_string(a.any()) + std::string(a.below(3000), 'n'));
  while (a.mutated_in_a_storm());
}

void declared_types(Attacker& a) {
  do a.declare_type(a.any(), std::string(a.below(1000), 't'));
  while (a.mutated_in_a_storm());
}

/// Something always comes, and nothing ever of it.
void aborted_pieces(Attacker& a) {
  a.declare_type(1, "");
  const Bytes start = encoded(std::uint64_t{60'000});
  do {
    a.send({.kind = FrameKind::message, .flags = coproc::link::kFirstFragment | coproc::link::kAbort, .type = 1},
           start);
  } while (a.mutated_in_a_storm());
}

/// The announced size is allowed, but never comes.
void announced_and_no_more(Attacker& a) {
  a.declare_type(1, "");
  a.send({.kind = FrameKind::message, .flags = coproc::link::kFirstFragment, .type = 1},
         encoded(std::uint64_t{60'000}));
  while (a.mutated()) {}
}

void nothing_is_read(Attacker& a) {
  while (a.mutated()) {}
}

constexpr Attack kAttacks[] = {{"empty_messages", empty_messages},
                               {"each_of_its_own_priority", each_of_its_own_priority},
                               {"errors", errors},
                               {"large_errors", large_errors},
                               {"requests", requests},
                               {"replies_with_colliding_ids", replies_with_colliding_ids},
                               {"declared_channels", declared_channels},
                               {"declared_names", declared_names},
                               {"declared_types", declared_types},
                               {"aborted_pieces", aborted_pieces},
                               {"announced_and_no_more", announced_and_no_more},
                               {"nothing_is_read", nothing_is_read}};

}  // namespace

std::span<const Attack> flooding() { return kAttacks; }

}  // namespace hostile
