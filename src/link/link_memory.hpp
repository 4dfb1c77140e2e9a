// The memory of one link: a header page, and for each direction a ring and an area of loans.
//
// Security considerations: both processes can write all of it at any time. Positions and words of this side are kept
// privately and only published here. The peer's are loaded once, and checked where they are used.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "coproc/options.hpp"
#include "link/beats.hpp"
#include "link/event_area.hpp"
#include "link/in_hand.hpp"
#include "link/loan_area.hpp"
#include "link/restart_note.hpp"
#include "link/side_words.hpp"
#include "os/memory.hpp"
#include "os/mutex.hpp"
#include "ring/ring.hpp"

namespace coproc::inline v0::link {

///   offset  what
///        0  magic, version, events, ring_bytes, loan_bytes
///       64  SideWords of end 0
///      128  SideWords of end 1
///      192  Positions of the ring from end 0 to end 1 (tail, head: a cache line each)
///      320  Positions of the ring from end 1 to end 0
///      448  InHandWords of end 1 (in_hand.hpp)
///      976  BeatWords of end 1 (beats.hpp)
///     1024  for the layers above: what a crashing worker leaves to its host
///     3584  RestartNote (restart_note.hpp)
///     4096  ring from end 0 to end 1
///     4096 + ring_bytes  ring from end 1 to end 0
///     4096 + 2 * ring_bytes  if there are any: events of end 0 (event_area.hpp), and behind them those of end 1
///     behind that  loans from end 0 to end 1 (loan_area.hpp), and behind them those from end 1 to end 0
struct LinkHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t events;  // that each end keeps, a power of two; 0: none
  std::uint64_t ring_bytes;
  std::uint64_t loan_bytes;  // of each direction's space; 0: there are no loans
  SideWords side[2];
  ring::Positions ring[2];
  alignas(64) InHandWords in_hand;
  BeatWords beats;
};
inline constexpr std::size_t kHeaderPage = 4096;
inline constexpr std::size_t kCrashAreaAt = 1024;
inline constexpr std::size_t kRestartNoteAt = kHeaderPage - sizeof(RestartNote);
inline constexpr std::size_t kCrashAreaBytes = kRestartNoteAt - kCrashAreaAt;
inline constexpr const char* kMemoryName = "coproc-link";     // shows in /proc/PID/maps
inline constexpr std::uint64_t kMagic = 0x6b6e696c6370'6f63;  // "cop" "link" in bytes
static_assert(offsetof(LinkHeader, side) == 64 && offsetof(LinkHeader, ring) == 192 &&
              offsetof(LinkHeader, in_hand) == 448 && offsetof(LinkHeader, beats) == 976 &&
              sizeof(LinkHeader) <= kCrashAreaAt);

/// Owns the memory. Only the ends share it, so that it is unmapped with the last end, also in a forked child. Whoever
/// else holds it, if only for a moment, needs a ForkLock: a child that another thread forks then would keep it.
class LinkMemory {
 public:
  /// A sealed memfd, for ends in different processes. Header and rings are mapped, once. If files may not become
  /// large enough for the loans, these get less space, or none. Without `has_loans` they get none. Each end keeps
  /// `events` of its events. Throws std::system_error.
  static std::shared_ptr<LinkMemory> create_shared(const LinkOptions& options, bool has_loans = true,
                                                   EventShape events = {});
  /// Attaches to memory that create_shared() made in another process. Throws std::system_error; ProtocolError if it
  /// belongs to another version of coproc or is not the memory of a link.
  static std::shared_ptr<LinkMemory> attach(os::Fd fd);
  /// Ordinary memory of this process.
  static std::shared_ptr<LinkMemory> create_private(const LinkOptions& options, EventShape events = {});

  /// The descriptor by which another process can attach(). There is none for private memory, and after close_fd().
  const os::Fd& fd() const noexcept { return fd_; }
  /// Closes the descriptor: nobody else will attach(). Loans are then mapped by way of a mapping that exists; if the
  /// system does not support that, the descriptor stays.
  void close_fd() noexcept;

  /// The area of what end `from` lends, mapped at the first call, once for this process. Any thread. Null: the link
  /// has no loans. Throws std::system_error.
  std::shared_ptr<LoanArea> loans(int from);
  const LoanShape& loan_shape() const noexcept { return loan_shape_; }
  /// Call when end `from` is gone and everything that it had lent was received. The memory of its area goes back to the
  /// system at once, and borrowed memory when it is dropped.
  void retire_loans(int from) noexcept;
  /// Reads what end `from` has lent, without a mapping. Throws std::system_error.
  void read_unmapped(int from, std::uint64_t offset, std::span<std::byte> to) const;
  /// Does LoanArea::store_return_word() without a mapping, if that is possible. Any thread.
  void return_unmapped(int from, std::uint32_t slot, std::uint32_t generation) const noexcept;

  LinkHeader& header() noexcept { return *reinterpret_cast<LinkHeader*>(base_); }
  std::span<std::byte, kCrashAreaBytes> crash_area() noexcept {
    return std::span<std::byte, kCrashAreaBytes>(base_ + kCrashAreaAt, kCrashAreaBytes);
  }
  RestartNote& restart_note() noexcept { return *reinterpret_cast<RestartNote*>(base_ + kRestartNoteAt); }
  /// The ring written by end `from`.
  std::span<std::byte> ring(int from) noexcept {
    return {base_ + kHeaderPage + static_cast<std::size_t>(from) * ring_bytes_, ring_bytes_};
  }
  const EventShape& event_shape() const noexcept { return event_shape_; }
  /// What end `of` writes of its events. Empty: the link has none.
  std::span<std::byte> events(int of) noexcept {
    return {base_ + kHeaderPage + 2 * ring_bytes_ + static_cast<std::size_t>(of) * event_shape_.bytes(),
            event_shape_.bytes()};
  }

 private:
  LinkMemory(std::size_t ring_bytes, LoanShape loans, EventShape events = {}) noexcept
      : ring_bytes_(ring_bytes), event_shape_(events), loan_shape_(loans) {}
  void lay_out() noexcept;
  os::Mapping window(int from, std::size_t offset, std::size_t bytes) const;
  void discard(int from, std::size_t offset, std::size_t bytes) const;
  std::size_t mapped() const noexcept { return kHeaderPage + 2 * ring_bytes_ + 2 * event_shape_.bytes(); }
  std::size_t total() const noexcept { return mapped() + 2 * loan_shape_.total(); }
  std::size_t area_at(int from) const noexcept {
    return mapped() + static_cast<std::size_t>(from) * loan_shape_.total();
  }

  struct Free {
    void operator()(std::byte* memory) const noexcept;
  };
  os::Fd fd_;
  os::Mapping mapping_;
  os::Mapping anchors_[2];  // the first page of each area of loans, by which to map it without a descriptor
  std::unique_ptr<std::byte, Free> heap_;
  std::byte* base_ = nullptr;  // constant after creation
  std::size_t ring_bytes_;     // constant after creation
  EventShape event_shape_;     // constant after creation
  LoanShape loan_shape_;       // constant after creation
  os::Mutex loans_mutex_;      // taken under a ForkLock, so that no forked child finds it locked
  std::shared_ptr<LoanArea> loans_[2] COPROC_GUARDED_BY(loans_mutex_);
};

/// Throws InvalidArgumentError that names the option and what is allowed.
void check_link_options(const LinkOptions& options);

/// The bytes that LinkOptions::loan_bytes of 0 stands for.
std::size_t usual_loan_bytes();

}  // namespace coproc::inline v0::link
