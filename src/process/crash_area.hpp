// The memory in which a worker leaves its host a stack: that of its crash, or that of a thread whose stack the host has
// asked for. Written by a signal handler, untrusted by the reader.
//
//   offset  bytes  what
//        0      4  state: kCrashComplete when all else of a crash is written; written last
//        4      4  the signal
//        8      4  its si_code: above 0 if the processor found a fault, and no process sent it
//       12      4  the number of frames
//       16      8  the address that could not be accessed; 0 if the signal was sent
//       24    768  48 frames, the innermost first:
//                    0   8  address looked up, less the address where its module was loaded (that is what the module's
//                           ELF file calls it); the plain address where it is in none. Of a caller it is the last byte
//                           of the call, which is still in the same function
//                    8   4  where in `paths` the module's path stands; kNoModule: in none
//                   12   4  zero
//      792      4  the number of the system call that a sandbox refused, if the signal is SIGSYS
//      796      4  the number of the request whose stack this is, written last; 0 while one is being written, and in
//                  the report of a crash
//      800     48  its six arguments
//      848   1712  paths: each ends with a zero byte; "" is the program itself
//
// Thread safety: one writer at a time, in the worker. The host may look at any time, and takes a copy.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace coproc::inline v0::process {

inline constexpr std::size_t kCrashReportBytes = 2560;
inline constexpr std::size_t kCrashFrames = 48;
inline constexpr std::uint32_t kCrashComplete = 0x4B525243;
inline constexpr std::int32_t kRefusedByFilter = 1;  // SYS_SECCOMP, which the C library's headers do not have
inline constexpr std::uint32_t kNoModule = 0xFFFFFFFF;

struct CrashFrame {
  std::uint64_t offset;
  std::uint32_t path_at;
  std::uint32_t unused;
};

struct CrashArea {
  std::uint32_t state;
  std::int32_t signal;
  std::int32_t code;
  std::uint32_t frame_count;
  std::uint64_t fault_address;
  std::array<CrashFrame, kCrashFrames> frames;
  std::int32_t refused_call;
  std::uint32_t request;
  std::array<std::uint64_t, 6> arguments;
  std::array<char, 1712> paths;
};

static_assert(sizeof(CrashFrame) == 16 && offsetof(CrashFrame, path_at) == 8);
static_assert(sizeof(CrashArea) == kCrashReportBytes && alignof(CrashArea) == 8);
static_assert(offsetof(CrashArea, fault_address) == 16 && offsetof(CrashArea, frames) == 24);
static_assert(offsetof(CrashArea, refused_call) == 792 && offsetof(CrashArea, request) == 796);
static_assert(offsetof(CrashArea, arguments) == 800);
static_assert(offsetof(CrashArea, paths) == 848);
static_assert(std::is_trivially_copyable_v<CrashArea> && std::is_standard_layout_v<CrashArea>);
static_assert(
    std::atomic_ref<std::uint32_t>::is_always_lock_free);  // written in a signal handler, and between processes

}  // namespace coproc::inline v0::process
