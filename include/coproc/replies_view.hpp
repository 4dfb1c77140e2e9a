// The replies of a channel as a range, received while it is read.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

#include "coproc/channel.hpp"
#include "coproc/errors.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

class Messenger;
namespace detail {
struct MessengerAccess;
}

/// What `Messenger::receive_remaining` gives: a move-only range to be read once. Reading an element waits for it, and so
/// does `++` past one that was not read: it is received, too, and dropped. Valid as long as its messenger stays where it is.
///
/// Thread safety: the messenger's.
template <class T>
class RepliesView {
 public:
  RepliesView(Messenger& messenger, ChannelId channel, Timeout each)
      : messenger_(&messenger), channel_(std::move(channel)), each_(each) {}
  RepliesView(RepliesView&&) noexcept = default;
  RepliesView& operator=(RepliesView&&) noexcept = default;

  struct Sentinel {};
  class Iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    Iterator() = default;
    explicit Iterator(RepliesView& view) : view_(&view) {}
    Iterator(Iterator&&) = default;
    Iterator& operator=(Iterator&&) = default;

    /// Waits for the reply, the first time; the reference is good until `++`.
    T& operator*() const {
      if (!view_->value_) view_->read();
      return *view_->value_;
    }
    Iterator& operator++() {
      if (!view_->value_) view_->read();  // skipping a reply receives it, too
      view_->value_.reset();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(Sentinel) const { return !view_->value_ && view_->is_finished(); }

   private:
    RepliesView* view_ = nullptr;
  };

  Iterator begin() { return Iterator(*this); }
  Sentinel end() const noexcept { return {}; }

 private:
  void read() {
    if (!fetch()) throw TimeoutError("no reply on channel " + channel_.describe() + " came within the time given");
  }
  bool fetch();
  bool is_finished() const;

  Messenger* messenger_;
  ChannelId channel_;
  Timeout each_;
  std::optional<T> value_;
};

}  // namespace coproc::inline v0
