// What a messenger needs of whatever carries its frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "os/clock.hpp"

namespace coproc::inline v0::link {

enum class WaitEnd {
  changed,  // something may have come, or space may have become free: look
  timed_out,
  interrupted,  // by interrupt()
  peer_gone,    // the other end is closed or its process has ended; what it sent can still be read
};

/// One end of a link. Records go in at one end and come out at the other, whole, once, in order.
///
/// Thread safety: one thread at a time, apart from `interrupt` and `close_requests`, which any thread may call.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Records (with their length word) of at most this many bytes.
  virtual std::size_t max_record() const noexcept = 0;
  /// Contiguous free space of at least `bytes` for one record, or empty: full. Throws ProtocolError for a lying peer.
  virtual std::span<std::byte> reserve(std::size_t bytes) = 0;
  /// Makes the first `bytes` of what was reserved a record. The peer sees it after `publish`.
  virtual void commit(std::size_t bytes) noexcept = 0;
  /// Shows all committed records to the peer and wakes it if it sleeps. False: the peer cannot be woken any more.
  virtual bool publish() noexcept = 0;

  /// Looks what has come; true if there is something. Until the next look no more is seen. Throws ProtocolError.
  virtual bool look() = 0;
  /// The oldest record that was seen and not popped, or empty. Throws ProtocolError.
  virtual std::span<const std::byte> front() = 0;
  virtual bool front_is_last() const noexcept = 0;
  virtual void pop() noexcept = 0;
  /// Gives the popped records' space back and wakes the peer if it waits for space.
  virtual void release() noexcept = 0;

  /// Counts up the close requests that the peer sees: needs no space, cannot be blocked.
  virtual void request_close() noexcept = 0;
  virtual std::uint32_t close_requests() const noexcept = 0;

  /// "Blocked in a send with a full inbox": where both sides say so, nobody will ever go on.
  virtual void set_stuck(bool is_stuck) noexcept = 0;
  virtual bool peer_is_stuck() const noexcept = 0;

  /// Waits until something has come (where `incoming`), a record of `space` bytes fits (where not 0), a close request
  /// arrives, the peer is gone, an interrupt, or the deadline. May also return `changed` for nothing.
  virtual WaitEnd wait(const os::Deadline& deadline, bool incoming, std::size_t space) = 0;
  /// What `wait` empties besides the link, if anything: for calls that find nothing and do not wait.
  virtual void look_aside() noexcept {}
  /// Any thread: the wait that is under way, or else the next one, ends with `interrupted`.
  virtual void interrupt() noexcept = 0;

  /// A descriptor that is readable exactly while something has come, the peer is gone, or `settle` was told of work.
  /// Made at the first call; from then on `settle` is owed after every call that may have emptied this end, with how many
  /// close requests the user knows of: one more is work, too.
  virtual int native_handle() = 0;
  virtual void settle(bool has_work, std::uint32_t closes_known) noexcept = 0;

  /// The end's own process, or not: after a fork only the destructor may be used.
  virtual bool is_own_process() const noexcept = 0;
};

}  // namespace coproc::inline v0::link
