// The replies of a channel as a range, which arrive while it is read.
#pragma once

#include <optional>
#include <utility>

#include "coproc/channel.hpp"
#include "coproc/detail/reading_iterator.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

class Messenger;

/// The replies that `Messenger::receive_remaining` returns: a move-only range that is read once, by the law of
/// detail/reading_iterator.hpp. It is valid as long as its messenger stays where it is.
///
/// Thread safety: that of the messenger.
template <class T>
class RepliesView {
 public:
  RepliesView(Messenger& messenger, ChannelId channel, Timeout each)
      : messenger_(&messenger), channel_(std::move(channel)), each_(each) {}
  RepliesView(RepliesView&&) noexcept = default;
  RepliesView& operator=(RepliesView&&) noexcept = default;

  using value_type = T;
  using Iterator = detail::ReadingIterator<RepliesView>;
  Iterator begin() { return Iterator(*this); }
  detail::EndOfReading end() const noexcept { return {}; }

 private:
  friend Iterator;

  bool fetch();  // defined in detail/messenger_templates.hpp
  T& value() {
    fetch();
    return *value_;
  }
  void drop() noexcept { value_.reset(); }

  Messenger* messenger_;
  ChannelId channel_;
  Timeout each_;
  std::optional<T> value_;
};

}  // namespace coproc::inline v0
