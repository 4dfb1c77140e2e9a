#include "described_link.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace command {

namespace {

/// The messages in a ring that may be unread. nullopt: that is not known.
std::optional<std::uint64_t> unread_messages(Watcher& watcher, const SeenLink& link, int from) {
  const coproc::link::RingSight& ring = link.sight->ring[from];
  return watcher.count_messages(link, from, ring.tail - ring.unread, ring.tail);
}

const char* name_of(LinkKind kind) {
  switch (kind) {
    case LinkKind::worker:
      return "worker";
    case LinkKind::pair:
      return "pair";
    case LinkKind::inside:
      return "inside";
    case LinkKind::half:
      break;
  }
  return "half";
}

}  // namespace

std::string unread_text(Watcher& watcher, const SeenLink& link, int from) {
  const std::uint64_t bytes = link.sight->ring[from].unread;
  if (bytes == 0) return "0";
  const auto messages = unread_messages(watcher, link, from);
  const std::uint64_t percent = (bytes * 100 + link.sight->ring_bytes - 1) / link.sight->ring_bytes;
  return (messages ? std::to_string(*messages) : "?") + " (" + std::to_string(percent) + " %)";
}

nlohmann::json json_of(Watcher& watcher, const SeenLink& link) {
  nlohmann::json object = {
      {"id", std::to_string(link.file.device) + ':' + std::to_string(link.file.inode)},
      {"kind", name_of(link.kind)},
      {"host", nullptr},
      {"worker", nullptr},
      {"processes", link.processes},
  };
  if (link.host != 0) object["host"] = link.host;
  if (link.worker != 0) object["worker"] = link.worker;
  if (!link.sight) {
    object["problem"] = link.refusal;
    return object;
  }
  object["ring_bytes"] = link.sight->ring_bytes;
  object["loan_bytes"] = link.sight->loan_bytes;
  object["directions"] = nlohmann::json::array();
  for (const int from : {0, 1}) {
    const coproc::link::RingSight& ring = link.sight->ring[from];
    nlohmann::json direction = {{"sent_bytes", ring.tail},
                                {"unread_bytes", ring.unread},
                                {"unread_messages", nullptr},
                                {"receiver_waits", link.sight->side[1 - from].waits_for_records()},
                                {"sender_is_blocked", link.sight->is_blocked(from)},
                                {"close_requests", link.sight->side[from].close_requests}};
    if (const auto messages = unread_messages(watcher, link, from)) direction["unread_messages"] = *messages;
    object["directions"].push_back(std::move(direction));
  }
  return object;
}

}  // namespace command
