#include <cstring>

#include "hostile/attacks.hpp"

namespace hostile {

namespace {

constexpr std::size_t kHeaderWords = sizeof(coproc::link::LinkHeader);

/// Now and then an honest message, so that the host has a reason to believe what it reads.
void send_something(Attacker& a) {
  a.send({.kind = coproc::link::FrameKind::message, .type = 1, .priority = double(a.below(3))}, encoded(int(a.any())));
}

void scribble(Attacker& a, std::size_t at, std::size_t bytes) {
  std::uint64_t old = 0;
  std::memcpy(&old, a.link().data() + at, bytes);
  const std::uint64_t value = a.chosen(old);
  std::memcpy(a.link().data() + at, &value, bytes);
  if (a.one_in(3)) a.wake_host();
  if (a.one_in(2)) std::memcpy(a.link().data() + at, &old, bytes);  // there and gone again
}

template <class Place>
void scribble_where(Attacker& a, Place place) {
  a.declare_type(coproc::type_info<int>.id, "int32");
  do {
    const std::size_t bytes = a.one_in(4) ? 1 + a.below(7) : a.one_in(2) ? 4 : 8;
    std::size_t at = place(bytes);
    if (!a.one_in(8)) at &= ~std::size_t{3};
    scribble(a, at, bytes);
    if (a.one_in(16)) send_something(a);
  } while (a.mutated());
}

void over_everything(Attacker& a) {
  scribble_where(a, [&](std::size_t bytes) { return a.below(a.link().size() - bytes); });
}

void over_the_header(Attacker& a) {
  scribble_where(a, [&](std::size_t bytes) { return a.below(kHeaderWords - bytes); });
}

/// Neither position: the records' own words.
void over_the_records(Attacker& a) {
  scribble_where(a, [&](std::size_t bytes) {
    const std::size_t rings = coproc::link::kHeaderPage;
    if (a.one_in(2)) return rings + a.below(a.link().size() - rings - bytes);
    // Where the host is reading just now.
    const std::size_t ring = (a.link().size() - rings) / 2;
    const std::size_t near = (a.header().ring[1].head.load() + a.below(128)) % (ring - 8);
    return rings + ring + near;
  });
}

/// All positions but the one that is checked first, which would end the round.
void over_the_words_of_waiting(Attacker& a) {
  scribble_where(a, [&](std::size_t bytes) { return 64 + a.below(128 - bytes); });
}

/// Every word in turn, with every width, once around the whole link.
void word_for_word(Attacker& a) {
  std::size_t at = a.below(a.link().size() / 8) * 8;
  scribble_where(a, [&](std::size_t) {
    at = (at + 8) % (a.link().size() - 8);
    return at;
  });
}

/// Both of its positions back and forth, by little enough to look right.
void indices_back_and_forth(Attacker& a) {
  a.declare_type(coproc::type_info<int>.id, "int32");
  auto& tail = a.header().ring[1].tail;
  auto& head = a.header().ring[0].head;
  do {
    send_something(a);
    const std::uint64_t true_tail = tail.load(), true_head = head.load();
    const bool is_tail = a.one_in(2);
    auto& position = is_tail ? tail : head;
    position.store((is_tail ? true_tail : true_head) + 8 * a.below(4096) - 8 * a.below(16));
    if (a.one_in(2)) a.wake_host();
    position.store(is_tail ? true_tail : true_head);
  } while (a.mutated());
}

constexpr Attack kAttacks[] = {
    {"over_everything", over_everything},   {"over_the_header", over_the_header},
    {"over_the_records", over_the_records}, {"over_the_words_of_waiting", over_the_words_of_waiting},
    {"word_for_word", word_for_word},       {"indices_back_and_forth", indices_back_and_forth}};

}  // namespace

std::span<const Attack> scribbling() { return kAttacks; }

}  // namespace hostile
