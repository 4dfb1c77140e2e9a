// Whose turn it is in a messenger. One thread at a time uses a link. Other threads that want to send or to look wait
// for it, and a thread that waits for messages lets them in.
#pragma once

#include <cstdint>

namespace coproc_python {

/// Thread safety: the interpreter's lock, which the waits give up.
class Turn {
 public:
  enum class Kind {
    brief,  // it ends by itself
    wait,   // for messages: of these there is one at a time
  };

  Turn() = default;
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  /// True: it is this thread's at once. A thread may begin again what it has begun.
  bool try_begin(Kind kind) noexcept;
  /// Waits for the turn of this thread. `ask()` interrupts the thread that waits for messages. Throws
  /// coproc::ConcurrentUseError if both threads want to wait for messages, and py::error_already_set for Ctrl-C.
  template <class Ask>
  void begin(Kind kind, Ask ask) {
    if (!try_begin(kind))
      wait_for_turn(
          kind, [](void* context) { (*static_cast<Ask*>(context))(); }, &ask);
  }
  void end(Kind kind) noexcept;

  bool is_free() const noexcept { return depth_ == 0; }
  /// Another thread waits for messages.
  bool has_other_waiter() const noexcept;
  /// Of the thread that waits for messages, around what it does without the interpreter's lock.
  void set_asleep(bool is_asleep) noexcept { is_asleep_ = is_asleep; }
  bool is_wanted() const noexcept { return guests_ != 0; }
  /// Of that thread: lets those who want it have their turn, and takes it again.
  void step_aside();

 private:
  using AskFunction = void (*)(void*);
  void wait_for_turn(Kind kind, AskFunction ask, void* context);
  void check_process() noexcept;

  int depth_ = 0;
  int guests_ = 0;
  unsigned long user_ = 0;    // the thread that has it
  unsigned long waiter_ = 0;  // that which waits for messages, also while it has stepped aside; 0: none
  int wait_depth_ = 0;
  bool is_asleep_ = false;
  std::uint32_t process_ = 0;  // in which all this is so
};

/// Once, when the module is made: forks are noted from then on.
void bind_turn();

}  // namespace coproc_python
