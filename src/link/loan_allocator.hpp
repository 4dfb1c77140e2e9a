// Records which parts of a space are lent, held, warm or free. These are the lender's own books: nothing in them
// comes from the receiver.
//
// A block that comes back stays warm, which means that it keeps its memory, for the next loan of about its size. Only
// when much is warm, the longest unused blocks are given back to the system. So a loan in the steady state costs a
// few list operations, whatever its size.
//
// Thread safety: none.
// Invariants:
//   1. A slot with memory is held (by its user, who writes), lent (to the peer), or warm; all others are vacant.
//   2. Only a lent slot can be returned, by just the generation with which it was lent.
//   3. No two slots' pages overlap, nor do they overlap with what is free.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "link/free_ranges.hpp"

namespace coproc::inline v0::link {

inline constexpr std::size_t kLoanPage = 4096;
/// Rounds up to whole pages, in bytes.
constexpr std::size_t in_loan_pages(std::size_t bytes) noexcept {
  return (bytes + kLoanPage - 1) / kLoanPage * kLoanPage;
}

/// The memory that is lent, as the allocator sees it.
class LoanMemory {
 public:
  virtual ~LoanMemory() = default;
  /// Whether the peer has returned what it was lent by this slot and generation.
  virtual bool is_returned(std::uint32_t slot, std::uint32_t generation) const noexcept = 0;
  /// Gives the memory behind whole pages back to the system.
  virtual void give_back(std::uint64_t offset, std::uint64_t bytes) noexcept = 0;
};

class LoanAllocator {
 public:
  /// At most so many bytes stay warm, or as many as are out if that is more; in any case the block that came back
  /// last.
  static constexpr std::uint64_t kMostWarmBytes = std::uint64_t{256} << 20;

  LoanAllocator(std::uint64_t space_bytes, std::uint32_t max_slots, LoanMemory& memory,
                std::uint64_t most_warm_bytes = kMostWarmBytes)
      : memory_(memory), max_slots_(max_slots), most_warm_bytes_(most_warm_bytes), free_(space_bytes / kLoanPage) {
    newest_of_class_.fill(kNone);
  }

  struct Place {
    std::uint32_t slot;
    std::uint32_t generation;
    std::uint64_t offset;
  };
  /// A held block of at least `bytes`; nullopt: there is no room, even after all returned blocks were looked for.
  /// Throws std::bad_alloc. REQUIRES: bytes != 0.
  std::optional<Place> take(std::uint64_t bytes);
  /// Makes a held block a lent one: the peer's from now on.
  void lend(std::uint32_t slot) noexcept;
  /// Drops a held block that will not be lent.
  void drop(std::uint32_t slot) noexcept;
  /// Says whether the user keeps a share of a lent block, which then is not lent again as soon as it is returned.
  void keep(std::uint32_t slot, bool is_kept) noexcept {
    slots_[slot].is_kept = is_kept;
    if (is_retired_ && !is_kept && slots_[slot].state == State::lent) come_back(slot);
  }
  /// Makes a kept block that was returned a held one again, with the generation that this gives; nullopt: it was not
  /// returned.
  std::optional<std::uint32_t> take_back(std::uint32_t slot) noexcept;
  /// Checks whether the oldest loans have been returned.
  void look_at_oldest(std::uint64_t how_many) noexcept;
  /// Checks all loans.
  void sweep() noexcept;
  /// Call when the peer has ended: takes back whatever it was lent. From now on nothing stays warm, but goes back to
  /// the system.
  void retire() noexcept;

  struct Count {
    std::uint64_t loans = 0;
    std::uint64_t bytes = 0;
  };
  /// The bytes that are lent, by the last check.
  const Count& lent() const noexcept { return lent_count_; }
  const Count& held() const noexcept { return held_count_; }
  std::uint64_t warm_bytes() const noexcept { return warm_bytes_; }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  /// So many of the oldest loans are checked with each new one.
  static constexpr int kLooks = 4;
  /// All loans are checked once so many bytes were taken since the last time, or as many as are lent if that is more.
  static constexpr std::uint64_t kSweepBytes = kMostWarmBytes;
  static constexpr std::uint32_t kClasses = 256;

  enum class State : std::uint8_t { vacant, held, lent, warm };
  struct Links {
    std::uint32_t older = kNone;
    std::uint32_t newer = kNone;
  };
  struct Slot {
    std::uint64_t first = 0;    // the block's first page
    std::uint64_t pages = 0;    // of the block
    std::uint64_t bytes = 0;    // of the loan
    std::uint64_t touched = 0;  // pages that may have memory
    std::uint32_t generation = 0;
    State state = State::vacant;
    bool is_kept = false;  // only if lent
    Links links;           // among the lent, or the warm
    Links links_of_class;  // among the warm of its class; if vacant, `older` is the next vacant slot
  };
  struct List {
    std::uint32_t oldest = kNone;
    std::uint32_t newest = kNone;
  };

  static std::uint32_t class_within(std::uint64_t pages) noexcept;
  static std::uint64_t pages_of_class(std::uint32_t size_class) noexcept;

  std::optional<Place> try_take(std::uint64_t bytes);
  std::uint32_t take_warm(std::uint64_t pages) noexcept;
  std::uint32_t take_vacant();
  std::optional<std::uint32_t> take_cold(std::uint64_t pages);
  void begin_to_hold(Slot& slot) noexcept;
  void come_back(std::uint32_t index) noexcept;
  void warm_up(std::uint32_t index) noexcept;
  void leave_warm(std::uint32_t index) noexcept;
  bool cool_oldest() noexcept;
  void append(List& list, std::uint32_t index) noexcept;
  void remove(List& list, std::uint32_t index) noexcept;

  LoanMemory& memory_;
  std::uint32_t max_slots_;        // constant after construction
  std::uint64_t most_warm_bytes_;  // constant after construction
  bool is_retired_ = false;
  FreeRanges free_;
  std::vector<Slot> slots_;
  std::uint32_t vacant_ = kNone;
  List lent_;
  List warm_;
  std::array<std::uint32_t, kClasses> newest_of_class_;
  std::uint64_t warm_bytes_ = 0;
  Count lent_count_;
  Count held_count_;
  std::uint64_t taken_since_sweep_ = 0;
};

}  // namespace coproc::inline v0::link
