// The streams of a messenger: those that are open, and those that nobody refers to any more.
#include <algorithm>
#include <exception>
#include <utility>

#include "messenger.hpp"
#include "stream.hpp"

namespace coproc_python {

/// The garbage collector may call this at any line, also while another thread waits in the link, or while a signal
/// handler runs within a call of this thread.
void Messenger::abandon(const Stream& stream, coproc::Stream<coproc::Message> parts) noexcept {
  streams_.erase(std::find(streams_.begin(), streams_.end(), &stream));
  const bool is_asleep = turn_.is_asleep();
  if (turn_.is_free() || parts.is_over()) return;  // `parts` cancels
  cancel_later(std::move(parts), is_asleep);
}

void Messenger::cancel(coproc::Stream<coproc::Message>& parts) noexcept {
  if (turn_.is_outermost()) return parts.cancel();
  if (!parts.is_over()) cancel_later(std::move(parts), true);
}

/// `interrupts`: whether the call that is under way has to end for it, and go on again.
void Messenger::cancel_later(coproc::Stream<coproc::Message> parts, bool interrupts) noexcept {
  try {
    abandoned_.push_back(std::move(parts));
  } catch (const std::exception&) {
    return;  // no memory: its parts stay unread, and its window bounds them
  }
  if (interrupts && link_ != nullptr && !is_link_replaced_) link_->interrupt();  // the thread that waits cancels it
}

/// A call that a signal handler makes within another one cannot cancel anything.
void Messenger::cancel_abandoned() noexcept {
  if (turn_.is_outermost()) abandoned_.clear();
}

void Messenger::lose_streams() noexcept {
  abandoned_.clear();
  for (Stream* const stream : std::exchange(streams_, {})) stream->lose_link();
}

}  // namespace coproc_python
