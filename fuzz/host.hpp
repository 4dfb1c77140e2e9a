// A messenger at the host's end of a link. The input chooses which calls are made; whatever the peer did, each call
// must return, or throw one of the promised errors.
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
  /// Small limits, so that the fuzzer reaches them.
  static constexpr coproc::LinkOptions kLimits{
      .ring_bytes = 4096, .max_message_bytes = 8 * 1024, .max_queued_bytes = 16 * 1024, .loan_bytes = 64 * 1024};

  Host(std::unique_ptr<coproc::link::Link> link, Input& input);

  /// Makes one call, or a few that belong together.
  void act(Input& input);
  /// Receives until nothing is left. Used at the end, so that everything that has arrived is decoded.
  void receive_everything();
  /// The number of requests that receives have returned. Each of them takes some memory until it is answered.
  std::size_t requests_returned() const { return requests_returned_; }

 private:
  void receive(Input& input, const coproc::ChannelId& channel);
  void send(Input& input, const coproc::ChannelId& channel);
  void look(Input& input, const coproc::ChannelId& channel);
  void receive_all(const coproc::ChannelId& channel);
  void take(std::optional<coproc::Message> message);
  /// Checks that `typed`, a receive of a type, loses no message if it throws because of the message's type or bytes.
  /// `is_reply` says that it receives one reply by its id.
  void lose_nothing(const coproc::ChannelId& channel, const std::function<void()>& typed, bool is_reply = false);

  bool reorders_;
  coproc::PriorityMessenger messenger_;
  std::vector<coproc::Message> requests_;
  std::vector<coproc::RequestId> sent_;
  std::size_t requests_returned_ = 0;
};

}  // namespace fuzz
