#include "process/stack_writer.hpp"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>
#include <unwind.h>

#include <cstring>

#include "os/crash_signals.hpp"

namespace coproc::inline v0::process {

void StackWriter::load_unwinder() noexcept {
  static const auto walked = _Unwind_Backtrace([](_Unwind_Context*, void*) { return _URC_NO_REASON; }, nullptr);
  (void)walked;
}

void StackWriter::use(CrashArea& area) noexcept {
  area_ = &area;
  process_ = ::getpid();
}

/// Returns the place of `module`'s path in the area. Adds the path if it is new and there is space.
std::uint32_t StackWriter::place_path_of(const link_map* module, std::uint32_t frame_count) noexcept {
  for (std::uint32_t i = 0; i < frame_count; ++i) {
    if (modules_[i] == module) return area_->frames[i].path_at;
  }
  const std::size_t bytes = std::strlen(module->l_name) + 1;
  if (bytes > area_->paths.size() - paths_used_) return kNoModule;
  const std::size_t place = paths_used_;
  std::memcpy(area_->paths.data() + place, module->l_name, bytes);
  paths_used_ += bytes;
  return static_cast<std::uint32_t>(place);
}

/// Returns false if there is no space for another frame.
bool StackWriter::add_frame(std::uintptr_t address) noexcept {
  const std::uint32_t count = area_->frame_count;
  if (count >= kCrashFrames) return false;
  dl_find_object found{};
  CrashFrame frame{address, kNoModule, 0};
  // Unlike dladdr() it takes no lock: glibc makes it for unwinders.
  if (::_dl_find_object(reinterpret_cast<void*>(address), &found) == 0) {  // NOLINT: an address of code
    modules_[count] = found.dlfo_link_map;
    frame.path_at = place_path_of(found.dlfo_link_map, count);
    if (frame.path_at != kNoModule) frame.offset = address - found.dlfo_link_map->l_addr;
  }
  area_->frames[count] = frame;
  area_->frame_count = count + 1;
  return true;
}

bool StackWriter::is_outside_of_target(std::uintptr_t frame) const noexcept {
  return end_of_target_ != 0 && ::gettid() == process_ && frame > end_of_target_;
}

struct StackWriter::Walk {
  StackWriter& writer;
  std::uintptr_t pc;
  bool is_past_interruption = false;

  /// Called for each frame, from the handler's own outwards.
  static _Unwind_Reason_Code on_frame(_Unwind_Context* context, void* argument) {
    Walk& walk = *static_cast<Walk*>(argument);
    int is_interrupted = 0;  // a frame that was interrupted itself, not in a call that it made
    const std::uintptr_t pc = _Unwind_GetIPInfo(context, &is_interrupted);
    if (!walk.is_past_interruption) {
      walk.is_past_interruption = is_interrupted != 0 && pc == walk.pc;
      return _URC_NO_REASON;
    }
    if (pc == 0 || walk.writer.is_outside_of_target(_Unwind_GetCFA(context))) return _URC_END_OF_STACK;
    return walk.writer.add_frame(is_interrupted != 0 ? pc : pc - 1) ? _URC_NO_REASON : _URC_END_OF_STACK;
  }
};

void StackWriter::write(const void* context) noexcept {
  area_->frame_count = 0;
  paths_used_ = 0;
  modules_ = {};
  const auto at = os::Interrupted::of(context);
  add_frame(at.pc);
  if (modules_[0] != nullptr) {
    Walk walk{*this, at.pc};
    _Unwind_Backtrace(&Walk::on_frame, &walk);
  } else if (std::uintptr_t caller = 0; os::read_word(at.stack_pointer, caller) && caller != 0) {
    // It is in the call of an address that is no function. Nothing can unwind from there (libgcc would crash), but on
    // x86-64 the caller's address has just been pushed.
    add_frame(caller - 1);
  }
}

}  // namespace coproc::inline v0::process
