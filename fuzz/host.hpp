// A messenger at the host's end of a link, and all that can be done with it, chosen by the fuzzer's input. Whatever the
// peer did, each call has to end in a value or in one of the errors that are promised.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "coproc/messenger.hpp"
#include "input.hpp"
#include "link/link.hpp"

namespace fuzz {

class Host {
 public:
  /// Small, so that the fuzzer meets them.
  static constexpr coproc::LinkOptions kLimits{
      .ring_bytes = 4096, .max_message_bytes = 8 * 1024, .max_queued_bytes = 16 * 1024, .loan_bytes = 64 * 1024};

  Host(std::unique_ptr<coproc::link::Link> transport, Input& input);

  /// One call, or a few that belong together.
  void act(Input& input);
  /// Receives what is there until nothing more comes; used at the end, so that everything that was taken in is decoded.
  void receive_everything();
  /// Requests that a receive has returned, each of which costs a little until it is answered.
  std::size_t requests_returned() const { return requests_returned_; }

 private:
  void receive(Input& input, const coproc::ChannelId& channel);
  void send(Input& input, const coproc::ChannelId& channel);
  void look(Input& input, const coproc::ChannelId& channel);
  void receive_all(const coproc::ChannelId& channel);
  void take(std::optional<coproc::Message> message);
  /// `typed` is a receive of a type: where it throws for the message's type or bytes, the message stays. `is_reply`: a
  /// receive of one reply, by its id.
  void lose_nothing(const coproc::ChannelId& channel, const std::function<void()>& typed, bool is_reply = false);

  bool reorders_;
  coproc::PriorityMessenger messenger_;
  std::vector<coproc::Message> requests_;
  std::vector<coproc::RequestId> sent_;
  std::size_t requests_returned_ = 0;
};

}  // namespace fuzz
