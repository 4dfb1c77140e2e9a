// Writes the stack of the thread that a signal has interrupted into a CrashArea, in the handler of that signal.
//
// Thread safety: one thread at a time. Nothing is allocated, and no lock is taken.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "process/crash_area.hpp"

struct link_map;

namespace coproc::inline v0::process {

class StackWriter {
 public:
  /// Makes the first use of the unwinder, which may load it and allocate memory. Forks of this process need not do so.
  static void load_unwinder() noexcept;

  /// REQUIRES: `area` is mapped as long as this object is used.
  void use(CrashArea& area) noexcept;
  CrashArea& area() const noexcept { return *area_; }
  /// The process that has called use(). Others, which it has forked, may not even have the area.
  pid_t process() const noexcept { return process_; }
  /// Leaves this frame and those outside of it out, in the first thread of the process.
  void leave_out_frames_from(std::uintptr_t frame) noexcept { end_of_target_ = frame; }

  /// Writes the stack that `context`, the third argument of a signal handler, has interrupted, in the place of what the
  /// area had before. The innermost frame is written before anything that may fail is tried.
  void write(const void* context) noexcept;

 private:
  struct Walk;
  std::uint32_t place_path_of(const link_map* module, std::uint32_t frame_count) noexcept;
  bool add_frame(std::uintptr_t address) noexcept;
  bool is_outside_of_target(std::uintptr_t frame) const noexcept;

  CrashArea* area_ = nullptr;
  pid_t process_ = 0;
  std::uintptr_t end_of_target_ = 0;  // in the stack of the process's first thread; 0: not known
  std::size_t paths_used_ = 0;
  std::array<const link_map*, kCrashFrames> modules_{};  // of the frames written so far
};

}  // namespace coproc::inline v0::process
