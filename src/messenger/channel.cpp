#include "coproc/channel.hpp"

#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "messenger/channel_access.hpp"

namespace coproc::inline v0 {

// Constructors of globals may use it before it is constructed: all its bytes are zero then, which also means the
// default channel.
const ChannelId kDefaultChannel;

std::string ChannelId::describe() const {
  switch (kind_) {
    case Kind::none:
      return "default";
    case Kind::integer:
      return std::to_string(number_);
    case Kind::negative:
      return std::to_string(static_cast<std::int64_t>(number_));
    case Kind::enumerator:
      return detail::in_one_line(type_name_.empty() ? std::string_view(text_) : type_name_) + "(" +
             std::to_string(static_cast<std::int64_t>(number_)) + ")";
    case Kind::text:
      return "\"" + detail::in_one_line(text_) + "\"";
    case Kind::value:
      return (type_name_.empty() ? "a value" : "a value of type " + std::string(type_name_)) + " (" +
             std::to_string(text_.size()) + " bytes)";
  }
  return "unknown";
}

void detail::ChannelAccess::encode(Encoder& encoder, const ChannelId& id) {
  coproc::encode(encoder, static_cast<std::uint8_t>(id.kind_));
  coproc::encode(encoder, id.number_);
  coproc::encode(encoder, id.type_);
  const bool is_named = id.kind_ == ChannelId::Kind::enumerator && id.text_.empty();
  coproc::encode(encoder, is_named ? std::string(id.type_name_) : id.text_);
}

ChannelId detail::ChannelAccess::decode(Decoder& decoder) {
  ChannelId id;
  const auto kind = coproc::decode<std::uint8_t>(decoder);
  if (kind > static_cast<std::uint8_t>(ChannelId::Kind::value)) decoder.fail("no such kind of channel name");
  id.kind_ = static_cast<ChannelId::Kind>(kind);
  id.number_ = coproc::decode<std::uint64_t>(decoder);
  id.type_ = coproc::decode<std::uint64_t>(decoder);
  id.text_ = coproc::decode<std::string>(decoder);
  if (id.text_.size() > ChannelId::kMaxBytes) decoder.fail("a channel name of more than 4096 bytes");
  return id;
}

}  // namespace coproc::inline v0
