#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "hostile/attacks.hpp"
#include "link/loan_reference.hpp"

namespace hostile {

using coproc::link::FrameHeader;
using coproc::link::FrameKind;
using coproc::link::kLoanPage;
using coproc::link::LoanReference;
using coproc::link::LoanShape;

namespace {

constexpr std::uint64_t kLent = coproc::detail::kLentBit;

void declare_what_the_host_knows(Attacker& a) {
  a.declare_type(coproc::type_info<std::string>.id, "string");
  a.declare_type(coproc::type_info<std::vector<int>>.id, "vector<int32>");
  a.declare_type(coproc::type_info<coproc::SharedBuffer<int>>.id, "shared_buffer<int32>");
  a.declare_channel(1);
  a.declare_channel("lane");
}

/// One that the host accepts: the value is four bytes for each element, apart from a string's.
LoanReference sound_reference(Attacker& a) {
  const std::uint64_t space = a.header().loan_bytes;
  LoanReference reference;
  reference.offset = a.below(space / kLoanPage) * kLoanPage;
  reference.bytes = std::min<std::uint64_t>(4 + a.below(40'000) / 4 * 4, space - reference.offset);
  reference.slot = static_cast<std::uint32_t>(a.below(8));
  reference.generation = static_cast<std::uint32_t>(1 + a.below(3));
  return reference;
}

void send_lent(Attacker& a, std::span<const LoanReference> references, std::uint64_t count_of_first,
               std::uint32_t number, std::uint32_t count, std::uint8_t flags = coproc::link::kCarriesLoans) {
  FrameHeader header;
  header.kind = static_cast<FrameKind>(1 + a.below(3));
  header.flags = flags;
  header.channel = static_cast<std::uint32_t>(a.below(3));
  header.type = static_cast<std::uint32_t>(1 + a.below(3));
  header.request_id = 1 + a.below(64);
  Bytes payload = encoded(count_of_first | kLent, number);
  for (const LoanReference& reference : references) {
    const auto bytes = std::as_bytes(std::span(&reference, 1));
    payload.insert(payload.end(), bytes.begin(), bytes.end());
  }
  const Bytes end = encoded(count);
  payload.insert(payload.end(), end.begin(), end.end());
  if ((flags & coproc::link::kFirstFragment) != 0) {
    const Bytes total = encoded(std::uint64_t{payload.size()} + (a.one_in(8) ? a.below(3) : 0));
    payload.insert(payload.begin(), total.begin(), total.end());
    const std::size_t first = 8 + a.below(payload.size() - 8);
    a.send(header, std::span(payload).first(first));
    a.send({.kind = FrameKind::fragment}, std::span(payload).subspan(first));
    return;
  }
  a.send(header, payload);
}

/// References that name what is not there, overlap, repeat themselves, or are not as many as they say.
void forged_references(Attacker& a) {
  declare_what_the_host_knows(a);
  do {
    std::vector<LoanReference> references(1 + a.below(a.one_in(16) ? 300 : 3));
    for (LoanReference& reference : references) reference = sound_reference(a);
    if (a.one_in(3)) references.push_back(references.front());
    std::uint64_t count_of_first = references[0].bytes / (a.one_in(3) ? 1 : 4);
    auto number = static_cast<std::uint32_t>(a.below(references.size()));
    auto count = static_cast<std::uint32_t>(references.size());
    std::uint8_t flags = coproc::link::kCarriesLoans;
    if (a.one_in(8)) flags |= coproc::link::kFirstFragment;
    if (a.one_in(8)) {
      LoanReference& wrong = references[a.below(references.size())];
      switch (a.below(9)) {
        case 0:
          wrong.offset = a.chosen(wrong.offset);
          break;
        case 1:
          wrong.bytes = a.chosen(wrong.bytes);
          break;
        case 2:
          wrong.slot = static_cast<std::uint32_t>(a.chosen(wrong.slot));
          break;
        case 3:
          wrong.generation = static_cast<std::uint32_t>(a.chosen(wrong.generation));
          break;
        case 4:
          wrong.offset = a.header().loan_bytes - wrong.bytes + kLoanPage;
          break;
        case 5:
          count_of_first = a.chosen(count_of_first);
          break;
        case 6:
          number = static_cast<std::uint32_t>(a.chosen(number));
          break;
        case 7:
          count = static_cast<std::uint32_t>(a.chosen(count));
          break;
        default:
          flags = static_cast<std::uint8_t>(a.any());
      }
    }
    send_lent(a, references, count_of_first, number, count, flags);
  } while (a.mutated());
}

/// Takes everything that the host sends, and says of any loan that it is returned: of those that are lent, that were
/// returned before, that will be lent some day, and that the host is just writing.
void returns_of_what_was_never_lent(Attacker& a) {
  const std::span<std::byte> loans = a.map_loans(0);
  const LoanShape shape{a.header().loan_bytes};
  auto* const words = reinterpret_cast<std::uint32_t*>(loans.data());
  do {
    auto& ring = a.header().ring[0];
    ring.head.store(ring.tail.load());
    for (int i = 0; i < 8; ++i) {
      std::uint32_t& word = words[a.one_in(8) ? a.below(shape.slots()) : a.below(8)];
      const std::uint32_t old = std::atomic_ref(word).load();
      std::atomic_ref(word).store(a.one_in(2) ? old + 1
                                              : static_cast<std::uint32_t>(a.one_in(2) ? a.below(16) : a.chosen(old)));
    }
    // And writes over what it was lent, and what it was not.
    for (int i = 0; i < 8; ++i) loans[shape.words() + a.below(shape.space)] = std::byte(a.any());
    if (a.one_in(4)) a.wake_host();
  } while (a.mutated());
}

/// What it has lent changes, and is gone, while the host reads it.
void contents_that_change(Attacker& a) {
  declare_what_the_host_knows(a);
  const std::span<std::byte> space = a.map_loans(1).subspan(LoanShape{a.header().loan_bytes}.words());
  do {
    const LoanReference reference = sound_reference(a);
    send_lent(a, {&reference, 1}, reference.bytes / (a.one_in(3) ? 1 : 4), 0, 1);
    for (int i = 0; i < 64; ++i) {
      const std::size_t at = reference.offset + a.below(reference.bytes);
      space[at] = std::byte(a.any());
    }
    if (a.one_in(2)) ::madvise(space.data() + reference.offset, kLoanPage, MADV_REMOVE);
    if (a.one_in(16)) ::madvise(space.data(), space.size(), MADV_REMOVE);
  } while (a.mutated());
}

constexpr Attack kAttacks[] = {{"forged_references", forged_references},
                               {"returns_of_what_was_never_lent", returns_of_what_was_never_lent},
                               {"contents_that_change", contents_that_change}};

}  // namespace

std::span<const Attack> lending() { return kAttacks; }

}  // namespace hostile
