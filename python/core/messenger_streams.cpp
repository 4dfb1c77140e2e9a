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
  try {
    abandoned_.push_back(std::move(parts));
  } catch (const std::exception&) {
    return;  // no memory: its parts stay unread, and its window bounds them
  }
  if (is_asleep && link_ != nullptr) link_->interrupt();  // the thread that waits cancels it
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
