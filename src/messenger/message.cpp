#include "coproc/message.hpp"

#include "coproc/detail/foreign_text.hpp"

namespace coproc::inline v0 {

void Message::throw_mismatch(const TypeInfo& wanted) const {
  throw TypeMismatchError("a message on channel " + channel().describe() + " holds " +
                          detail::in_one_line(type_name()) + ", not " + wanted.describe() +
                          ": ask for what it holds, or use match");
}

void Message::throw_not_recognized() const {
  if (parts_.error) std::rethrow_exception(parts_.error);
  throw MessageNotRecognizedError("no function given to match takes the message on channel " + channel().describe() +
                                  ", which holds " + detail::in_one_line(type_name()) +
                                  ": add one for it, or one that takes `const coproc::Message&`");
}

}  // namespace coproc::inline v0
