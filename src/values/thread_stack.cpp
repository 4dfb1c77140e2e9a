#include "coproc/thread_stack.hpp"

namespace coproc::inline v0 {

std::string ThreadStack::describe() const {
  std::string text = "thread " + std::to_string(id) + (name.empty() ? "" : " (" + name + ')') + ", " + state;
  if (!system_call.empty()) text += ", in the system call " + system_call;
  text += note.empty() ? ":" : ": " + note;
  for (const std::string& frame : stack) text += "\n  " + frame;
  return text;
}

}  // namespace coproc::inline v0
