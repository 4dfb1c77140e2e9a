#include "worker/own_frames.hpp"

#include <algorithm>
#include <string_view>

namespace coproc::inline v0 {

namespace {

/// Whether a line of a stack is a frame that only leads to the target: "#3 void coproc::v0::...".
bool is_own_frame(std::string_view line) {
  line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
  // Names that the demangler cannot handle: functions of coproc, what is nested in them, and standard library code
  // that calls those.
  if (line.starts_with("_ZN6coproc2v0") || line.starts_with("_ZZN6coproc2v0")) return true;
  if (line.starts_with("_ZSt") && line.find("ZN6coproc2v0") != std::string_view::npos) return true;
  for (const std::string_view result : {"void ", "int ", "auto ", "decltype(auto) "}) {
    if (line.starts_with(result)) line.remove_prefix(result.size());
  }
  for (const std::string_view name :
       {"coproc::v0::", "std::_Function_handler<void (), coproc::", "std::_Function_handler<int (), coproc::",
        "std::function<void ()>", "std::__invoke", "std::invoke", "std::apply<", "std::__apply"}) {
    if (line.starts_with(name)) return true;
  }
  // In unoptimised code the result type comes first: std::enable_if<...>::type std::__invoke_r<...>.
  return line.starts_with("std::") && (line.find(">::type std::__invoke") != std::string_view::npos ||
                                       line.find(">::type std::invoke") != std::string_view::npos);
}

}  // namespace

void leave_out_own_frames(std::vector<std::string>& stack) {
  while (stack.size() > 1 && is_own_frame(stack.back())) stack.pop_back();
}

}  // namespace coproc::inline v0
