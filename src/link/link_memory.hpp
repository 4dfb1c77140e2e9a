// The memory of one link: a header page and two rings, one for each direction.
//
// Security considerations: both processes can write all of it at any time. Positions and words that this side owns are
// kept privately and only published here; what the peer owns is loaded once and checked where it is used.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "coproc/options.hpp"
#include "link/side_words.hpp"
#include "os/memory.hpp"
#include "ring/ring.hpp"

namespace coproc::inline v0::link {

///   offset  what
///        0  magic, version, ring_bytes
///       64  SideWords of end 0
///      128  SideWords of end 1
///      192  Positions of the ring from end 0 to end 1 (tail, head: a cache line each)
///      320  Positions of the ring from end 1 to end 0
///     1024  for the layers above: what a crashing worker leaves to its host
///     4096  ring from end 0 to end 1
///     4096 + ring_bytes  ring from end 1 to end 0
struct LinkHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t reserved;
  std::uint64_t ring_bytes;
  SideWords side[2];
  ring::Positions ring[2];
};
inline constexpr std::size_t kHeaderPage = 4096;
inline constexpr std::size_t kCrashAreaAt = 1024;
inline constexpr std::size_t kCrashAreaBytes = kHeaderPage - kCrashAreaAt;
inline constexpr std::uint64_t kMagic = 0x6b6e696c6370'6f63;  // "cop" "link" in bytes
static_assert(offsetof(LinkHeader, side) == 64 && offsetof(LinkHeader, ring) == 192 &&
              sizeof(LinkHeader) <= kCrashAreaAt);

/// Owns the memory; held by each end that uses it, so that an end dropped in a forked child unmaps when it was the last.
class LinkMemory {
 public:
  /// A sealed memfd, mapped once, for ends in different processes. Throws std::system_error.
  static std::shared_ptr<LinkMemory> create_shared(std::size_t ring_bytes);
  /// The memory that create_shared() made in another process. Throws std::system_error; ProtocolError where it is of
  /// another version of coproc, or no link.
  static std::shared_ptr<LinkMemory> attach(os::Fd fd);
  /// Ordinary memory of this process.
  static std::shared_ptr<LinkMemory> create_private(std::size_t ring_bytes);

  /// By which another process can attach(); none in private memory, or once it was closed. The mapping does not need it.
  const os::Fd& fd() const noexcept { return fd_; }
  void close_fd() noexcept { fd_.reset(); }

  LinkHeader& header() noexcept { return *reinterpret_cast<LinkHeader*>(base_); }
  std::span<std::byte, kCrashAreaBytes> crash_area() noexcept {
    return std::span<std::byte, kCrashAreaBytes>(base_ + kCrashAreaAt, kCrashAreaBytes);
  }
  /// The ring written by end `from`.
  std::span<std::byte> ring(int from) noexcept {
    return {base_ + kHeaderPage + static_cast<std::size_t>(from) * ring_bytes_, ring_bytes_};
  }

 private:
  explicit LinkMemory(std::size_t ring_bytes) noexcept : ring_bytes_(ring_bytes) {}
  void lay_out() noexcept;
  std::size_t total() const noexcept { return kHeaderPage + 2 * ring_bytes_; }

  struct Free {
    void operator()(std::byte* memory) const noexcept;
  };
  os::Fd fd_;
  os::Mapping mapping_;
  std::unique_ptr<std::byte, Free> heap_;
  std::byte* base_ = nullptr;  // constant after creation
  std::size_t ring_bytes_;     // constant after creation
};

/// Throws InvalidArgumentError naming the option and what is allowed.
void check_link_options(const LinkOptions& options);

}  // namespace coproc::inline v0::link
