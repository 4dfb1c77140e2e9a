// Names of channels.
#include <string_view>

#include "c_api/handles.hpp"
#include "c_api/status.hpp"
#include "coproc/errors.hpp"

using coproc::ChannelId;
using coproc::c_api::guarded;
using coproc::c_api::require;

coproc_status coproc_channel_of_text(const char* text, size_t size, coproc_channel** channel) {
  return guarded([&] {
    if (size != 0) require(text, "coproc_channel_of_text", "text");
    require(channel, "coproc_channel_of_text", "channel");
    if (size > ChannelId::kMaxBytes) {
      throw coproc::InvalidArgumentError("coproc_channel_of_text: a name of " + std::to_string(size) +
                                         " bytes: the name of a channel has at most " +
                                         std::to_string(ChannelId::kMaxBytes));
    }
    *channel = new coproc_channel(ChannelId(size == 0 ? std::string_view() : std::string_view(text, size)));
  });
}

coproc_status coproc_channel_of_number(int64_t number, coproc_channel** channel) {
  return guarded([&] {
    require(channel, "coproc_channel_of_number", "channel");
    *channel = new coproc_channel(ChannelId(number));
  });
}

const char* coproc_channel_description(const coproc_channel* channel) {
  return channel == nullptr ? "default" : channel->description.c_str();
}

void coproc_channel_free(coproc_channel* channel) { delete channel; }
