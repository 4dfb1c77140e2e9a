// Decides which thread may use a messenger. One thread at a time uses a link. Other threads that want to send or to
// look wait for their turn, and a thread that waits for messages lets them in.
#pragma once

#include <cstdint>

namespace coproc_python {

/// Thread safety: the interpreter's lock, which is released during waits.
class Turn {
 public:
  enum class Kind {
    brief,  // it ends soon, without help
    wait,   // a wait for messages, of which there is one at a time
  };

  Turn() = default;
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  /// Takes the turn and returns true, if that is possible at once. A thread that has the turn may take it again.
  bool try_begin(Kind kind) noexcept;
  /// Waits for this thread's turn. `ask()` interrupts the thread that waits for messages. Throws
  /// coproc::ConcurrentUseError if both threads want to wait for messages, and py::error_already_set for Ctrl-C.
  template <class Ask>
  void begin(Kind kind, Ask ask) {
    if (!try_begin(kind))
      wait_for_turn(
          kind, [](void* context) { (*static_cast<Ask*>(context))(); }, &ask);
  }
  void end(Kind kind) noexcept;

  bool is_free() const noexcept { return depth_ == 0; }
  /// Whether the turn of this thread was taken once, and so no other call of it is under way.
  bool is_outermost() const noexcept { return depth_ == 1; }
  /// Whether the thread that waits for messages works without the interpreter's lock now.
  bool is_asleep() noexcept {
    check_process();
    return is_asleep_;
  }
  /// Whether another thread waits for messages.
  bool has_other_waiter() const noexcept;
  /// The thread that waits for messages calls this around its work without the interpreter's lock.
  void set_asleep(bool is_asleep) noexcept { is_asleep_ = is_asleep; }
  bool is_wanted() const noexcept { return candidates_ != 0; }
  /// The thread that waits for messages calls this to let others have their turn, and then takes it back.
  void step_aside();

 private:
  using AskFunction = void (*)(void*);
  void wait_for_turn(Kind kind, AskFunction ask, void* context);
  void check_process() noexcept;

  int depth_ = 0;
  int candidates_ = 0;
  unsigned long user_ = 0;    // the thread that has the turn
  unsigned long waiter_ = 0;  // the thread that waits for messages, even while it has stepped aside; 0: none
  int wait_depth_ = 0;
  bool is_asleep_ = false;
  std::uint32_t process_ = 0;  // the process to which this state belongs
};

/// Call once, when the module is made, so that forks are noticed from then on.
void bind_turn();

}  // namespace coproc_python
