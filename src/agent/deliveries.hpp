// What has come over the wire for a link, and waits for room in its ring.
//
// Thread safety: one thread at a time.
// Invariants: records and overtakings keep their order. What waits is no more than a window, apart from a few bytes.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include "link/link.hpp"

namespace coproc::inline v0::agent {

class Deliveries {
 public:
  explicit Deliveries(link::Link& link) noexcept : link_(link) {}

  /// Whole records, as the door has checked them.
  void add_records(std::span<const std::byte> records);
  void add_overtaking();
  /// A record that the reader of the link must refuse.
  void add_impossible_record();

  /// Puts into the ring what there is room for, and returns how many bytes of records that was. Throws ProtocolError if
  /// the link is broken.
  std::size_t deliver();
  bool is_empty() const noexcept { return waiting_.empty(); }
  /// The room in the ring that the next one needs; 0: none waits.
  std::size_t room_wanted() const noexcept;

 private:
  enum class Kind { records, overtaking, impossible };
  struct Item {
    Kind kind;
    std::vector<std::byte> records = {};
    std::size_t at = 0;  // of the first record that was not delivered
  };

  bool deliver(Item& item, std::size_t& bytes);
  bool deliver_records(Item& item, std::size_t& bytes);

  link::Link& link_;
  std::deque<Item> waiting_;
};

}  // namespace coproc::inline v0::agent
