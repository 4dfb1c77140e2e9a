#include "left_messages.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace coproc_python {

using coproc::ChannelId;
using coproc::Message;

void LeftMessages::put_back(Message message) { messages_.push_front(std::move(message)); }
void LeftMessages::put_back(std::vector<Message> messages) {
  messages_.insert(messages_.begin(), std::move_iterator(messages.begin()), std::move_iterator(messages.end()));
}

template <class Matches>
std::optional<Message> LeftMessages::take_first(Matches matches) {
  if (messages_.empty()) return std::nullopt;
  const auto found = std::find_if(messages_.begin(), messages_.end(), matches);
  if (found == messages_.end()) return std::nullopt;
  std::optional<Message> taken(std::move(*found));
  messages_.erase(found);
  return taken;
}

std::optional<Message> LeftMessages::take(const ChannelId& channel) {
  return take_first([&](const Message& message) { return message.channel() == channel; });
}
std::optional<Message> LeftMessages::take_of_any(std::span<const ChannelId> channels) {
  return take_first([&](const Message& message) { return std::ranges::count(channels, message.channel()) != 0; });
}
std::optional<Message> LeftMessages::take_reply(const ChannelId& channel) {
  return take_first([&](const Message& message) { return message.is_reply() && message.channel() == channel; });
}
std::optional<Message> LeftMessages::take_reply_to(std::uint64_t request_id) {
  return take_first([&](const Message& message) {
    return message.is_reply() && message.request_id() == coproc::RequestId{request_id};
  });
}

std::size_t LeftMessages::count(const ChannelId& channel) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(messages_, [&](const Message& message) { return message.channel() == channel; }));
}
std::size_t LeftMessages::count_replies(const ChannelId& channel) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      messages_, [&](const Message& message) { return message.is_reply() && message.channel() == channel; }));
}

}  // namespace coproc_python
