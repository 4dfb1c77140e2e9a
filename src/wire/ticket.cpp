#include "wire/ticket.hpp"

#include <cstring>

#include "coproc/codec.hpp"
#include "coproc/errors.hpp"
#include "wire/contents.hpp"

namespace coproc::inline v0::wire {

namespace {

constexpr std::uint32_t kMostTicketBytes = 64 << 10;

}  // namespace

std::string to_bytes(const Ticket& ticket) {
  detail::Buffer buffer;
  Encoder encoder(buffer, kMostTicketBytes);
  encode(encoder, ticket);
  const auto contents = encoder.written();
  const auto size = static_cast<std::uint32_t>(contents.size());
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes.append(reinterpret_cast<const char*>(contents.data()), contents.size());
}

std::optional<Ticket> read_ticket(std::string_view bytes) {
  std::uint32_t size = 0;
  if (bytes.size() < sizeof size) return std::nullopt;
  std::memcpy(&size, bytes.data(), sizeof size);
  if (size > kMostTicketBytes) throw BrokenWire("what came in place of a ticket is none");
  bytes.remove_prefix(sizeof size);
  if (bytes.size() < size) return std::nullopt;
  try {
    Decoder decoder(std::as_bytes(std::span(bytes.substr(0, size))), kMostTicketBytes);
    Ticket ticket;
    decode_into(decoder, ticket);
    decoder.finish();
    if (ticket.addresses.empty() || ticket.port == 0) throw BrokenWire("a ticket without an address");
    return ticket;
  } catch (const DecodeError& error) {
    throw BrokenWire(std::string("what came in place of a ticket is none: ") + error.what());
  }
}

}  // namespace coproc::inline v0::wire
