// Any bytes are decoded as an error or refused with a DecodeError, and a known error arrives as its bytes say.
#include <cstdint>
#include <exception>
#include <string>

#include "check.hpp"
#include "coproc/codec.hpp"
#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "input.hpp"
#include "messenger/error_table.hpp"
#include "types.hpp"

namespace fuzz {
namespace {

using coproc::detail::Buffer;
using coproc::detail::ErrorType;

constexpr std::size_t kMaxBytes = 16 * 1024;

/// Returns the error that was received, or null.
std::exception_ptr receive(std::span<const std::byte> payload) {
  const coproc::RemoteOrigin origin("peer", 7);
  const std::size_t before = allocated_bytes();
  try {
    auto received = coproc::detail::decode_error_payload(payload, kMaxBytes, origin);
    demand(received.error != nullptr, "an error was received that is none");
    // The texts are kept once by themselves, once in the description, and once, all together, in what().
    demand(allocated_bytes() <= before + 4 * kMaxBytes + 2048, "an error takes more memory than is allowed");
    return received.error;
  } catch (const coproc::DecodeError&) {
    return nullptr;
  }
}

/// The error can be caught by its own type and as the peer's, and can be encoded and decoded once more.
void use(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const coproc::RemoteOrigin& origin) {
    demand(origin.peer() == "peer" && origin.peer_pid() == 7, "an error's origin is not its peer");
    if (const auto* as_exception = dynamic_cast<const std::exception*>(&origin))
      (void)std::string(as_exception->what());
  }
  Buffer again;
  try {
    std::rethrow_exception(error);
  } catch (...) {
    coproc::detail::encode_current_exception(again, 16 * kMaxBytes);
  }
  demand(receive(again.span().first(std::min(again.size(), kMaxBytes / 4))) != nullptr || again.size() > kMaxBytes / 4,
         "an error that was received cannot be received once more");
}

/// Makes a known error from `value`, the bytes of its own encoding.
template <class E>
void round_trip(std::span<const std::byte> value) {
  const ErrorType& row = coproc::detail::known_error<E>();
  coproc::Decoder decoder(value, kMaxBytes);
  std::exception_ptr error;
  try {
    error = row.decode(decoder, coproc::RemoteOrigin("peer", 7));
  } catch (const coproc::DecodeError&) {
    return;
  }
  // A text that comes from bytes may hold a NUL, which ends what(), or lack the suffix that its type appends. So the
  // first two trips may change the text, but no later one may.
  Buffer sent[3];
  for (Buffer& bytes : sent) {
    try {
      std::rethrow_exception(error);
    } catch (const E& as_itself) {
      coproc::detail::encode_error_payload(bytes, 16 * kMaxBytes, row, &as_itself);
    }
    error = receive(bytes.span());
    if (error == nullptr) return demand(bytes.size() > kMaxBytes / 4, "a known error's own payload cannot be read");
  }
  // A receiver indents the lines of a text again at each trip.
  const bool has_lines = std::ranges::find(value, std::byte{'\n'}) != value.end();
  demand(has_lines || std::ranges::equal(sent[1].span(), sent[2].span()), "an error changed on its way");
}

/// A system error that a program has made arrives unchanged, except that its text is made printable.
void send_system_error(Input& input) {
  const auto& category = input.below(2) == 0 ? std::generic_category() : std::system_category();
  const std::error_code code(input.number<int>(), category);
  const bool has_text = input.below(2) == 0;
  const auto bytes = input.rest();
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::erase(text, '\0');
  const std::system_error error = has_text ? std::system_error(code, text) : std::system_error(code);
  Buffer payload;
  coproc::detail::encode_error_payload(payload, 16 * kMaxBytes, coproc::detail::known_error<std::system_error>(),
                                       &error);
  const auto received = receive(payload.span());
  if (received == nullptr) return demand(payload.size() > kMaxBytes / 4, "a system error's own payload cannot be read");
  try {
    std::rethrow_exception(received);
  } catch (const std::system_error& arrived) {
    const std::string text_there = coproc::detail::in_lines(error.what(), "    ", coproc::detail::kWhole);
    demand(arrived.code() == code && arrived.what() == text_there, "a system error changed on its way");
  }
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fuzz;
  Input input(data, size);
  switch (input.below(8)) {
    case 0: {  // any bytes
      const auto error = receive(input.rest());
      if (error != nullptr) use(error);
      break;
    }
    case 1: {  // a known type, followed by any bytes
      Buffer bytes;
      coproc::Encoder encoder(bytes, 4 * kMaxBytes);
      with_error(input.below(kErrors), [&](const ErrorType& row) { coproc::encode(encoder, row.id); });
      const auto rest = input.rest();
      encoder.bytes(rest.data(), rest.size());
      const auto error = receive(encoder.written());
      if (error != nullptr) use(error);
      break;
    }
    case 2:
      round_trip<Details>(input.rest());
      break;
    case 3:
      round_trip<std::system_error>(input.rest());
      break;
    case 4:
      round_trip<Data>(input.rest());
      break;
    case 5:
      round_trip<coproc::DecodeError>(input.rest());
      break;
    case 6:
      send_system_error(input);
      break;
    default:
      round_trip<std::out_of_range>(input.rest());
  }
  return 0;
}
