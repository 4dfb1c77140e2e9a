// Whatever records a peer puts into its ring, the calls of the host return messages or throw the promised errors, and
// the host's memory stays within its limits.
#include <cstdint>
#include <cstring>

#include "check.hpp"
#include "host.hpp"
#include "input.hpp"
#include "link/frame.hpp"
#include "link/link.hpp"
#include "link/loan_reference.hpp"
#include "messenger/channel_access.hpp"
#include "messenger/error_table.hpp"
#include "types.hpp"

namespace fuzz {
namespace {

using coproc::detail::Buffer;
using coproc::link::FrameHeader;
using coproc::link::FrameKind;

/// The peer. It writes what the input says, and reads what the host sent, which must be in order.
class Peer {
 public:
  explicit Peer(std::unique_ptr<coproc::link::Link> link) : link_(std::move(link)) {}

  void act(Input& input);
  bool is_gone() const { return link_ == nullptr; }
  std::size_t declarations() const { return declarations_; }

 private:
  void put_record(std::span<const std::byte> record);  // without its length word
  void put_frame(FrameHeader header, std::span<const std::byte> payload);
  void put_lent(Input& input);
  void put_state(Input& input);
  void put_reply_with_state(Input& input);
  void read_all();
  static FrameHeader header(Input& input);

  std::unique_ptr<coproc::link::Link> link_;
  std::size_t declarations_ = 0;
};

void Peer::put_record(std::span<const std::byte> record) {
  const std::size_t bytes = 4 + std::min(record.size(), link_->max_record() - 4);
  const auto room = link_->reserve(bytes);
  if (room.empty() || bytes < 5) return;
  std::memcpy(room.data() + 4, record.data(), bytes - 4);
  const auto kind = static_cast<FrameKind>(record[0]);
  if (kind == FrameKind::channel || kind == FrameKind::type) ++declarations_;
  link_->commit(bytes);
  link_->publish();
}

void Peer::put_frame(FrameHeader header, std::span<const std::byte> payload) {
  Buffer record;
  record.append(&header, sizeof header);
  record.append(payload.data(), payload.size());
  put_record(record.span().subspan(4));
}

/// Makes mostly valid values, so that the code behind the checks is reached.
FrameHeader Peer::header(Input& input) {
  FrameHeader header;
  const std::uint8_t kind = input.byte(), flags = input.byte(), place = input.byte();
  header.kind = static_cast<FrameKind>(kind % 12);
  header.flags = flags < 250 ? flags % 4 : flags;
  header.channel = place % 8;
  header.type = place / 8 % 8;
  header.request_id = input.byte();
  header.priority = static_cast<std::int8_t>(input.byte());
  if (kind == 255) header.priority = input.number<double>();
  return header;
}

/// A state of any type, whole or its first piece.
void Peer::put_state(Input& input) {
  FrameHeader head;
  head.kind = FrameKind::state;
  head.type = input.byte() % 8;
  head.flags = input.byte() % 2 * coproc::link::kFirstFragment;
  put_frame(head, input.bytes(input.number<std::uint16_t>() % 1100));
}

/// A reply with a state behind it, whose size and type may be anything.
void Peer::put_reply_with_state(Input& input) {
  FrameHeader head = header(input);
  head.kind = FrameKind::reply;
  head.flags |= coproc::link::kSavesState;
  Buffer bytes;
  const auto both = input.bytes(input.number<std::uint16_t>() % 1000);
  bytes.append(both.data(), both.size());
  coproc::link::StateTrailer trailer{input.number<std::uint16_t>(), input.byte() % 8U};
  if (input.byte() == 1) trailer.bytes = input.number<std::uint64_t>();
  if (input.byte() == 1) trailer.type = input.number<std::uint64_t>();
  bytes.append(&trailer, sizeof trailer);
  put_frame(head, bytes.span());
}

/// A text that is said to be lent, with references that may be anything.
void Peer::put_lent(Input& input) {
  Buffer bytes;
  coproc::Encoder encoder(bytes, 8192);
  const std::size_t length = input.number<std::uint16_t>();
  coproc::encode(encoder, std::uint64_t{length} | coproc::detail::kLentBit);
  coproc::encode(encoder, std::uint32_t{input.byte()});
  std::uint32_t count = input.byte() % 8;
  for (std::uint32_t i = 0; i < count; ++i) {
    coproc::link::LoanReference reference;
    reference.offset = input.byte() % 17 * coproc::link::kLoanPage;
    reference.bytes = length;
    reference.slot = input.byte() % 17;
    reference.generation = input.byte();
    const std::uint8_t wrong = input.byte();
    if (wrong == 1) reference.offset = input.number<std::uint64_t>();
    if (wrong == 2) reference.bytes = input.number<std::uint64_t>();
    if (wrong == 3) reference.slot = input.number<std::uint32_t>();
    encoder.bytes(&reference, sizeof reference);
  }
  if (input.byte() == 0) count = input.number<std::uint32_t>();
  coproc::encode(encoder, count);
  FrameHeader head = header(input);
  head.flags |= coproc::link::kCarriesLoans;
  put_frame(head, encoder.written());
}

void Peer::read_all() {
  while (link_->look()) {
    const auto record = link_->front();
    demand(coproc::link::parse_frame(record).has_value(), "the host sent a frame that it would refuse itself");
    link_->pop();
    link_->release();
  }
}

void Peer::act(Input& input) {
  Buffer bytes;
  switch (input.below(12)) {
    case 0:  // any record
      return put_record(input.bytes(input.number<std::uint16_t>() % 1100));
    case 1: {  // any payload
      const FrameHeader head = header(input);
      return put_frame(head, input.bytes(input.number<std::uint16_t>() % 1100));
    }
    case 2: {  // a channel that the host uses
      coproc::Encoder encoder(bytes, 8192);
      coproc::detail::ChannelAccess::encode(encoder, channel(input.below(kChannels)));
      FrameHeader head;
      head.kind = FrameKind::channel;
      return put_frame(head, encoder.written());
    }
    case 3:  // a type that the host knows
      return with_type(input.below(kTypes), [&](auto value) {
        coproc::Encoder encoder(bytes, 8192);
        coproc::encode(encoder, coproc::type_info<decltype(value)>.id);
        coproc::encode(encoder, coproc::type_info<decltype(value)>.describe());
        FrameHeader head;
        head.kind = FrameKind::type;
        put_frame(head, encoder.written());
      });
    case 4: {  // the beginning of a large message
      FrameHeader head = header(input);
      head.flags |= coproc::link::kFirstFragment;
      const std::uint64_t total = input.number<std::uint16_t>();
      bytes.append(&total, sizeof total);
      const auto first = input.bytes(input.number<std::uint16_t>() % 1100);
      bytes.append(first.data(), first.size());
      return put_frame(head, bytes.span());
    }
    case 5: {  // another piece of it, all of the same byte
      FrameHeader head;
      head.kind = FrameKind::fragment;
      bytes.resize_uninitialized(input.number<std::uint16_t>() % 993);
      if (!bytes.empty()) std::memset(bytes.data(), input.byte(), bytes.size());
      return put_frame(head, bytes.span());
    }
    case 6: {  // a known error: the head is valid, the value is anything
      FrameHeader head = header(input);
      return with_error(input.below(kErrors), [&](const coproc::detail::ErrorType& row) {
        coproc::Encoder encoder(bytes, 8192);
        coproc::encode(encoder, row.id);
        coproc::encode(encoder, row.describe());
        coproc::encode(encoder, std::string(input.byte(), 't'));
        const auto value = input.bytes(input.byte());
        encoder.bytes(value.data(), value.size());
        put_frame(head, encoder.written());
      });
    }
    case 7: {  // many records that are equal
      const FrameHeader head = header(input);
      const auto payload = input.bytes(input.byte());
      for (std::size_t i = input.byte(); i > 0; --i) put_frame(head, payload);
      return;
    }
    case 8: {  // a text of a type that the host knows, with any number for the type
      const FrameHeader head = header(input);
      coproc::Encoder encoder(bytes, 8192);
      coproc::encode(encoder, std::string(input.byte(), 's'));
      return put_frame(head, encoder.written());
    }
    case 9:
      return link_->request_close();
    case 10:
      return read_all();
    default: {
      const std::uint8_t what = input.byte();
      if (what == 'x') link_.reset();
      if (what == 'l') put_lent(input);
      if (what == 's') put_state(input);
      if (what == 'r') put_reply_with_state(input);
    }
  }
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using fuzz::Host;
  fuzz::Input input(data, size);
  auto [host_end, peer_end] = coproc::link::make_inproc_pair(Host::kLimits);
  fuzz::Peer peer(std::move(peer_end));
  Host host(std::move(host_end), input);
  const std::size_t before = fuzz::allocated_bytes();
  const auto stay_within_limits = [&] {
    // Counted are the messages in the queue and the one that is being assembled, each as bytes and once as a value; the
    // declarations; and the requests.
    const std::size_t limit = 32 * 1024 + 2 * Host::kLimits.max_queued_bytes + 4 * Host::kLimits.max_message_bytes +
                              peer.declarations() * 2048 + host.requests_returned() * 64;
    const std::size_t now = fuzz::allocated_bytes();
    fuzz::demand(now < before + limit,
                 "the host holds " + std::to_string(now - before) + " bytes, over " + std::to_string(limit));
  };
  while (!input.empty()) {
    if (input.below(3) == 0 || peer.is_gone()) {
      host.act(input);
      stay_within_limits();
    } else {
      peer.act(input);
    }
  }
  host.receive_everything();
  stay_within_limits();
  return 0;
}
