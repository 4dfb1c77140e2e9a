// A FrameReader with its parts, but without a link: tests make its frames out of headers and bytes.
//
// Thread safety: none.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "messenger/frame_reader.hpp"
#include "messenger/own_names.hpp"

namespace coproc::detail {

struct FrameReaderFixture : ::testing::Test {
  static constexpr std::size_t kMost = 10000;

  /// The payload of the first frame of a message that takes several, and `total` bytes.
  static std::vector<std::byte> first_piece(std::uint64_t total, std::span<const std::byte> piece) {
    std::vector<std::byte> payload(sizeof total);
    std::memcpy(payload.data(), &total, sizeof total);
    payload.insert(payload.end(), piece.begin(), piece.end());
    return payload;
  }

  Peer peer{"indexer", 7};
  Channels channels;
  OwnNames sender{kMost, peer};
  PeerNames names{channels, kMost, peer};
  RequestBooks requests{1, 2};
  Inbox inbox{true, 5000};
  IncomingLoans loans{nullptr, kMost, peer};
  LastWords last_words;
  FrameReader reader{{names, requests, inbox, loans, last_words, peer}, kMost};
};

}  // namespace coproc::detail
