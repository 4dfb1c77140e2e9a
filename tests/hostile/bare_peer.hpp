// A host, and the bare end of a peer that sends frames as it likes.
//
// Thread safety: none.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "coproc/coproc.hpp"
#include "link/link.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"

namespace hostile {

/// Sends a frame with this header, whose length it sets. Returns whether there was room and a peer for it.
inline bool put_frame(coproc::link::Link& peer, coproc::link::FrameHeader header, std::span<const std::byte> payload) {
  const auto room = peer.reserve(coproc::link::kHeaderBytes + payload.size());
  if (room.empty()) return false;
  header.length = static_cast<std::uint32_t>(coproc::link::kHeaderBytes + payload.size());
  std::memcpy(room.data(), &header, sizeof header);
  if (!payload.empty()) std::memcpy(room.data() + sizeof header, payload.data(), payload.size());
  peer.commit(header.length);
  return peer.publish();
}

/// The test fixture.
struct BarePeer : ::testing::Test {
  explicit BarePeer(const coproc::LinkOptions& with = {.ring_bytes = 1 << 16})
      : options{.link = with, .throw_gone = {}} {}

  coproc::detail::CoreOptions options;
  std::pair<std::unique_ptr<coproc::link::Link>, std::unique_ptr<coproc::link::Link>> ends =
      coproc::link::make_inproc_pair(options.link);
  coproc::link::Link& peer = *ends.second;
  coproc::PriorityMessenger host = coproc::detail::MessengerAccess::make<coproc::PriorityMessenger>(
      std::make_unique<coproc::detail::Core>(std::move(ends.first), options));

  bool put(coproc::link::FrameHeader header, std::span<const std::byte> payload = {}) {
    return put_frame(peer, header, payload);
  }
  template <class T>
  void declare() {
    coproc::detail::Buffer bytes;
    coproc::Encoder encoder(bytes, 1000);
    coproc::encode(encoder, coproc::type_info<T>.id);
    coproc::encode(encoder, std::string("its type"));
    ASSERT_TRUE(put({.kind = coproc::link::FrameKind::type}, encoder.written()));
  }
};

}  // namespace hostile
