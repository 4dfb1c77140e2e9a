// A peer may write anything anywhere into the memory of the link, between and within its honest records. That costs the
// host one ProtocolError. It covers positions, length words, waiting, processor, close requests, stuck, and the words
// that belong to the host.
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "host.hpp"
#include "input.hpp"
#include "link/frame.hpp"
#include "link/link.hpp"
#include "link/link_memory.hpp"
#include "types.hpp"

namespace fuzz {
namespace {

using coproc::link::FrameHeader;
using coproc::link::FrameKind;

constexpr int kHost = 0, kPeer = 1;

/// The peer. It keeps the rules until it overwrites something.
class Peer {
 public:
  explicit Peer(coproc::link::LinkMemory& memory)
      : memory_(memory),
        out_(memory.header().ring[kPeer], memory.ring(kPeer)),
        in_(memory.header().ring[kHost], memory.ring(kHost)) {}

  void act(Input& input);

 private:
  void send(FrameHeader header, std::span<const std::byte> payload);
  void scribble_position(Input& input);
  void scribble_word(Input& input);

  coproc::link::LinkMemory& memory_;
  coproc::ring::Producer out_;
  coproc::ring::Consumer in_;
};

void Peer::send(FrameHeader header, std::span<const std::byte> payload) {
  header.length = static_cast<std::uint32_t>(sizeof header + payload.size());
  const auto room = out_.reserve(header.length);
  if (room.empty()) return;
  std::memcpy(room.data(), &header, sizeof header);
  if (!payload.empty()) std::memcpy(room.data() + sizeof header, payload.data(), payload.size());
  out_.commit(header.length);
  out_.publish();
}

/// Mostly near the right value, since a check may be off by one.
void Peer::scribble_position(Input& input) {
  auto& rings = memory_.header().ring;
  std::atomic<std::uint64_t>* const positions[] = {&rings[kPeer].tail, &rings[kHost].head, &rings[kPeer].head,
                                                   &rings[kHost].tail};
  auto& position = *positions[input.below(4)];
  switch (input.below(4)) {
    case 0:
      position.store(input.number<std::uint64_t>());
      break;
    case 1:
      position.fetch_add(input.number<std::uint16_t>());
      break;
    case 2:
      position.fetch_add(8 * std::uint64_t{input.byte()});
      break;
    default:
      position.fetch_sub(8 * std::uint64_t{input.byte()});
  }
}

void Peer::scribble_word(Input& input) {
  auto& side = memory_.header().side[input.below(4) == 0 ? kHost : kPeer];
  const auto value = input.byte() < 200 ? input.byte() : input.number<std::uint32_t>();
  switch (input.below(4)) {
    case 0:
      side.waiting.store(value);
      break;
    case 1:
      side.processor.store(static_cast<std::int32_t>(value));
      break;
    case 2:
      side.close_requests.store(value);
      break;
    default:
      side.stuck.store(value);
  }
}

void Peer::act(Input& input) {
  coproc::detail::Buffer bytes;
  coproc::Encoder encoder(bytes, 8192);
  FrameHeader header;
  switch (input.below(8)) {
    case 0: {  // a message of a type that the host asks for
      header.kind = FrameKind::type;
      return with_type(input.below(kTypes), [&](auto value) {
        coproc::encode(encoder, coproc::type_info<decltype(value)>.id);
        coproc::encode(encoder, coproc::type_info<decltype(value)>.describe());
        send(header, encoder.written());
      });
    }
    case 1:
    case 2: {
      header.kind = static_cast<FrameKind>(1 + input.below(6));
      header.type = static_cast<std::uint32_t>(1 + input.below(3));
      header.request_id = input.byte();
      return send(header, input.bytes(input.byte()));
    }
    case 3:  // consumes what the host sent
      while (in_.look() && !in_.front().empty()) in_.pop();
      in_.release();
      return;
    case 4:
      return scribble_position(input);
    case 5:
      return scribble_word(input);
    case 6: {  // the length word of some record, or of none
      const auto ring = memory_.ring(kPeer);
      const std::size_t at = 8 * std::size_t{input.number<std::uint16_t>()} % ring.size();
      const auto word = input.byte() < 200 ? input.number<std::uint16_t>() : input.number<std::uint32_t>();
      std::memcpy(ring.data() + at, &word, sizeof(std::uint32_t));
      return;
    }
    default: {  // anything anywhere
      const std::size_t all = coproc::link::kHeaderPage + 2 * memory_.ring(0).size();
      const std::size_t at = input.number<std::uint16_t>() % all;
      const auto some = input.bytes(std::min<std::size_t>(input.byte(), all - at));
      std::byte* const base = memory_.ring(0).data() - coproc::link::kHeaderPage;
      if (!some.empty()) std::memcpy(base + at, some.data(), some.size());
    }
  }
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using fuzz::Host;
  namespace os = coproc::os;
  fuzz::Input input(data, size);
  auto memory = coproc::link::LinkMemory::create_private(Host::kLimits);
  os::Pipe to_host = os::Pipe::create();
  os::Pipe to_peer = os::Pipe::create();  // the peer never reads its pipe, which fills up; that must not block the host
  Host host(std::make_unique<coproc::link::Link>(memory, fuzz::kHost, std::move(to_host.read_end),
                                                 std::move(to_peer.write_end), coproc::LinkOptions().spin),
            input);
  fuzz::Peer peer(*memory);
  while (!input.empty()) {
    if (input.below(3) == 0) {
      host.act(input);
    } else {
      peer.act(input);
    }
  }
  host.receive_everything();
  return 0;
}
