#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "hostile/attacks.hpp"
#include "hostile/nested.hpp"

namespace hostile {

using coproc::link::FrameHeader;
using coproc::link::FrameKind;

namespace {

Bytes some_bytes(Attacker& a, std::size_t most) {
  Bytes bytes(a.below(most));
  for (std::byte& byte : bytes) byte = std::byte(a.any());
  return bytes;
}

/// Bytes that are, or nearly are, a value that the host asks for.
Bytes some_value(Attacker& a) {
  Bytes bytes;
  switch (a.below(7)) {
    case 0:
      bytes = encoded(int(a.any()));
      break;
    case 1:
      bytes = encoded(std::string(a.below(300), 'x'));
      break;
    case 2:
      bytes = encoded(std::vector<int>(a.below(50), 7));
      break;
    case 3:
      bytes = nested(1 + a.below(300));
      break;
    case 4:  // a count that lies
      bytes = encoded(a.chosen(bytes.size()));
      break;
    case 5:
      bytes = encoded(a.any(), std::string("type"), std::string("what"));
      break;
    default:
      bytes = some_bytes(a, 200);
  }
  if (a.one_in(4) && !bytes.empty()) bytes.resize(a.below(bytes.size()));                // truncated
  if (a.one_in(4)) bytes.resize(bytes.size() + a.below(9), std::byte(1));                // left over
  if (a.one_in(4) && !bytes.empty()) bytes[a.below(bytes.size())] = std::byte(a.any());  // changed
  if (a.one_in(4) && bytes.size() >= 8) {
    const std::uint64_t count = a.chosen(bytes.size());
    std::memcpy(bytes.data(), &count, sizeof count);
  }
  return bytes;
}

void declare_what_the_host_knows(Attacker& a) {
  a.declare_type(coproc::type_info<int>.id, "int32");
  a.declare_type(coproc::type_info<std::string>.id, "string");
  a.declare_type(coproc::type_info<Nested>.id, "Nested");
  a.declare_type(coproc::type_info<std::vector<int>>.id, "vector<int32>");
  a.declare_type(a.any(), "of nobody");
  a.declare_channel(1);
  a.declare_channel("lane");
  a.declare_channel("a lane that the host does not listen to");
}

FrameHeader legal_header(Attacker& a) {
  FrameHeader header;
  header.kind = static_cast<FrameKind>(1 + a.below(6));
  header.channel = static_cast<std::uint32_t>(a.below(4));
  header.type = static_cast<std::uint32_t>(1 + a.below(5));
  header.request_id = 1 + (a.one_in(2) ? a.below(64) : a.any() >> 1);
  const double priorities[] = {0, -0.0, 1, -1e308, INFINITY, -INFINITY, double(a.below(100)), 5e-324};
  header.priority = priorities[a.below(std::size(priorities))];
  header.rest = static_cast<std::int16_t>(a.any());
  return header;
}

/// What the rules allow: wrong types, values that cannot be decoded, replies that nobody asked for, forged and repeated
/// ids, unreadable errors. Costs the host no more than ordinary errors.
void within_the_rules(Attacker& a) {
  declare_what_the_host_knows(a);
  do a.send(legal_header(a), some_value(a));
  while (a.mutated());
}

/// Mostly what is allowed, and now and then one field that is not.
void against_the_rules(Attacker& a) {
  declare_what_the_host_knows(a);
  do {
    FrameHeader header = legal_header(a);
    if (a.one_in(8)) {
      switch (a.below(8)) {
        case 0:
          header.kind = static_cast<FrameKind>(a.any());
          break;
        case 1:
          header.flags = static_cast<std::uint8_t>(a.any());
          break;
        case 2:
          header.channel = static_cast<std::uint32_t>(a.chosen(header.channel));
          break;
        case 3:
          header.type = static_cast<std::uint32_t>(a.chosen(header.type));
          break;
        case 4:
          header.priority = std::numeric_limits<double>::quiet_NaN();
          break;
        case 5:
          header.request_id = 0;
          break;
        case 6:
          header.kind = FrameKind::end;
          a.send(header,
                 a.one_in(2) ? Bytes() : some_value(a));  // the host may go on receiving; what follows is refused
          continue;
        default:
          header.kind = a.one_in(2) ? FrameKind::channel : FrameKind::type;
      }
    }
    a.send(header, some_value(a));
  } while (a.mutated());
}

/// Pieces without a beginning, sizes that lie, beginnings in the middle, aborts.
void in_pieces(Attacker& a) {
  declare_what_the_host_knows(a);
  std::uint64_t missing = 0;
  do {
    FrameHeader header = legal_header(a);
    Bytes payload = some_bytes(a, 3000);
    if (missing != 0 && !a.one_in(16)) {
      header.kind = FrameKind::fragment;
      if (payload.empty()) payload.resize(1);
      if (!a.one_in(32)) payload.resize(std::min<std::size_t>(payload.size(), missing));
      missing -= std::min<std::uint64_t>(missing, payload.size());
    } else {
      header.flags = coproc::link::kFirstFragment;
      if (!a.one_in(32)) header.flags = coproc::link::kFirstFragment | coproc::link::kAbort;
      const std::uint64_t total = a.one_in(64) ? a.chosen(payload.size()) : payload.size() + 1 + a.below(50'000);
      missing = total - payload.size();
      const Bytes size = encoded(total);
      payload.insert(payload.begin(), size.begin(), size.end());
    }
    a.send(header, payload);
  } while (a.mutated());
}

/// Records whose length word says something else than what was published.
void lengths_that_lie(Attacker& a) {
  declare_what_the_host_knows(a);
  do {
    const Bytes rest = some_bytes(a, 1000);
    const auto length = static_cast<std::uint32_t>(rest.size() + 4);
    if (a.one_in(12)) {
      a.send_record(static_cast<std::uint32_t>(a.chosen(length)), rest);
    } else if (a.one_in(12)) {
      a.send_record((length / 8 * 8) | coproc::ring::kPadBit, rest);
    } else {
      a.send(legal_header(a), rest);
    }
  } while (a.mutated());
}

/// A message changes while the host decodes it where it lies.
void changed_under_the_hosts_eyes(Attacker& a) {
  declare_what_the_host_knows(a);
  do {
    const std::uint64_t from = a.header().ring[1].tail.load();
    a.send({.kind = FrameKind::message, .type = 2, .priority = 0}, encoded(std::string(2000, 'x')));
    const std::size_t ring = (a.link().size() - coproc::link::kHeaderPage) / 2;
    std::byte* const base = a.link().data() + coproc::link::kHeaderPage + ring;
    for (int i = 0; i < 64; ++i) {
      const std::size_t at = (from + 4 + a.below(60)) % (ring - 8);
      const std::uint64_t value = a.chosen(2000);
      std::memcpy(base + at, &value, sizeof value);
    }
  } while (a.mutated());
}

constexpr Attack kAttacks[] = {{"within_the_rules", within_the_rules},
                               {"against_the_rules", against_the_rules},
                               {"in_pieces", in_pieces},
                               {"lengths_that_lie", lengths_that_lie},
                               {"changed_under_the_hosts_eyes", changed_under_the_hosts_eyes}};

}  // namespace

std::span<const Attack> framing() { return kAttacks; }

}  // namespace hostile
