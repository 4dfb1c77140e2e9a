#include "agent/deliveries.hpp"

#include <cstdint>
#include <cstring>
#include <utility>

#include "link/frame.hpp"

namespace coproc::inline v0::agent {

namespace {

std::uint32_t length_at(const std::vector<std::byte>& records, std::size_t at) noexcept {
  std::uint32_t length = 0;
  std::memcpy(&length, records.data() + at, sizeof length);
  return length;
}

}  // namespace

void Deliveries::add_records(std::span<const std::byte> records) {
  waiting_.push_back({Kind::records, {records.begin(), records.end()}});
}

void Deliveries::add_overtaking() {
  // To say it twice in a row says no more than to say it once.
  if (waiting_.empty() || waiting_.back().kind != Kind::overtaking) waiting_.push_back({Kind::overtaking});
}

void Deliveries::add_impossible_record() { waiting_.push_back({Kind::impossible}); }

std::size_t Deliveries::room_wanted() const noexcept {
  if (waiting_.empty()) return 0;
  const Item& item = waiting_.front();
  return item.kind == Kind::records ? length_at(item.records, item.at) : link::kHeaderBytes;
}

std::size_t Deliveries::deliver() {
  std::size_t bytes = 0;
  bool any = false;
  while (!waiting_.empty() && deliver(waiting_.front(), bytes)) {
    waiting_.pop_front();
    any = true;
  }
  if (any || bytes != 0) (void)link_.publish();  // whether the peer can still be woken, its end will tell
  return bytes;
}

/// Returns whether the whole item is delivered.
bool Deliveries::deliver(Item& item, std::size_t& bytes) {
  if (item.kind == Kind::records) return deliver_records(item, bytes);
  if (item.kind == Kind::overtaking) {
    (void)link_.publish();
    link_.note_overtaking();
    return true;
  }
  const auto room = link_.reserve(link::kHeaderBytes);
  if (room.empty()) return false;
  std::memset(room.data(), 0xff, link::kHeaderBytes);
  link_.commit(link::kHeaderBytes);
  return true;
}

bool Deliveries::deliver_records(Item& item, std::size_t& bytes) {
  while (item.at < item.records.size()) {
    const std::uint32_t length = length_at(item.records, item.at);
    const auto room = link_.reserve(length);
    if (room.empty()) return false;
    // The link writes the length word itself.
    std::memcpy(room.data() + sizeof length, item.records.data() + item.at + sizeof length, length - sizeof length);
    link_.commit(length);
    item.at += length;
    bytes += length;
  }
  return true;
}

}  // namespace coproc::inline v0::agent
