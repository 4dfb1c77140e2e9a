// Messages that a receive has taken from its link and could not return, because of an error of another message or
// Ctrl-C. Later receives return them first.
#pragma once

#include <coproc/channel.hpp>
#include <coproc/message.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace coproc_python {

class LeftMessages {
 public:
  // What is put back comes before all that are left.
  void put_back(coproc::Message message);
  void put_back(std::vector<coproc::Message> messages);

  // The first one that is meant, taken out.
  std::optional<coproc::Message> take(const coproc::ChannelId& channel);
  std::optional<coproc::Message> take_of_any(std::span<const coproc::ChannelId> channels);
  std::optional<coproc::Message> take_reply(const coproc::ChannelId& channel);
  std::optional<coproc::Message> take_reply_to(std::uint64_t request_id);

  std::size_t count(const coproc::ChannelId& channel) const;
  std::size_t count_replies(const coproc::ChannelId& channel) const;
  bool is_empty() const noexcept { return messages_.empty(); }
  void clear() noexcept { messages_.clear(); }

 private:
  template <class Matches>
  std::optional<coproc::Message> take_first(Matches matches);

  std::deque<coproc::Message> messages_;
};

}  // namespace coproc_python
