// Tests of OwnNames and PeerNames together: the declarations of one are given to the other, without a link.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "messenger/own_names.hpp"
#include "messenger/peer_names.hpp"

namespace coproc::detail {
namespace {

using link::FrameHeader;
using link::FrameKind;

constexpr std::size_t kEnough = 100000;
const Peer kPeer{"indexer", 7};

FrameHeader message_of(std::uint32_t channel, std::uint32_t type) {
  FrameHeader header;
  header.channel = channel;
  header.type = type;
  return header;
}
std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

TEST(OwnNames, NumbersAreAssignedInTheOrderOfTheDeclarationsThatWereSent) {
  Channels channels;
  OwnNames names(kEnough, kPeer);
  Channel& first = channels.of("first");
  Channel& second = channels.of("second");
  const Buffer not_sent = names.encode_declaration(first);
  EXPECT_EQ(first.number, Channel::kUndeclared);
  EXPECT_EQ(names.note_declared(second, names.encode_declaration(second).size()), 1u);
  EXPECT_EQ(names.note_declared(first, not_sent.size()), 2u);

  EXPECT_EQ(names.number_of(type_info<int>), 0u);
  (void)names.encode_declaration(type_info<int>);  // it is not sent
  EXPECT_EQ(names.number_of(type_info<int>), 0u);
  EXPECT_EQ(names.note_declared(type_info<double>, names.encode_declaration(type_info<double>).size()), 1u);
  EXPECT_EQ(names.note_declared(type_info<int>, names.encode_declaration(type_info<int>).size()), 2u);
  EXPECT_EQ(names.number_of(type_info<double>), 1u);
  EXPECT_EQ(names.number_of(type_info<int>), 2u);
}

TEST(OwnNames, WhatWouldPassTheLimitsIsRefusedAndChangesNothing) {
  Channels channels;
  OwnNames names(2000, kPeer);
  EXPECT_THROW((void)names.encode_declaration(channels.of(std::string(5000, 'x'))), InvalidArgumentError);
  names.note_declared(channels.of(1), names.encode_declaration(channels.of(1)).size());
  names.note_declared(channels.of(2), names.encode_declaration(channels.of(2)).size());
  EXPECT_THROW((void)names.encode_declaration(channels.of(3)), InvalidArgumentError);
  EXPECT_THROW((void)names.encode_declaration(type_info<int>), InvalidArgumentError);
  EXPECT_EQ(channels.of(3).number, Channel::kUndeclared);
}

TEST(PeerNames, TypesOfAnEarlierPeerHaveNumbersThatFramesCannotHave) {
  Channels channels;
  PeerNames names(channels, kEnough, kPeer);
  const auto first = std::make_shared<const RemoteType>(RemoteType{1, "first"});
  const auto second = std::make_shared<const RemoteType>(RemoteType{2, "second"});
  const std::uint32_t number = names.add_earlier(first);
  EXPECT_NE(names.add_earlier(second), number);
  EXPECT_EQ(names.add_earlier(first), number);
  EXPECT_EQ(names.type(number), first);
  EXPECT_EQ(names.number_of(second), names.add_earlier(second));
  EXPECT_FALSE(names.has_type(number));
  EXPECT_FALSE(names.match(message_of(0, number), channels.at(0), nullptr));
}

TEST(PeerNames, WhatOneEndDeclaresTheOtherFindsByItsNumber) {
  Channels ours, theirs;
  OwnNames sender(kEnough, kPeer);
  PeerNames receiver(theirs, kEnough, kPeer);
  theirs.of("a channel of the receiver's own");
  const Buffer channel = sender.encode_declaration(ours.of("text")), type = sender.encode_declaration(type_info<int>);
  receiver.add_declaration(FrameKind::channel, channel.span());
  receiver.add_declaration(FrameKind::type, type.span());

  Channel& text = theirs.of("text");
  EXPECT_EQ(receiver.channel(1), &text);
  EXPECT_EQ(receiver.channel(0), &theirs.at(0));
  EXPECT_EQ(receiver.channel(2), nullptr);
  EXPECT_TRUE(receiver.has_type(1));
  EXPECT_FALSE(receiver.has_type(0));
  EXPECT_FALSE(receiver.has_type(2));
  EXPECT_EQ(receiver.type(1)->id, type_info<int>.id);
  receiver.add_declaration(FrameKind::type, sender.encode_declaration(type_info<double>).span());
  EXPECT_EQ(receiver.number_of(receiver.type(2)), 2u);
  EXPECT_EQ(receiver.number_of(nullptr), 0u);
  for (int again = 0; again < 2; ++again) {  // first looked up, then from the cache
    EXPECT_TRUE(receiver.match(message_of(1, 1), text, &type_info<int>));
    EXPECT_TRUE(receiver.match(message_of(1, 1), text, nullptr));
    EXPECT_FALSE(receiver.match(message_of(1, 1), text, &type_info<double>));
    EXPECT_FALSE(receiver.match(message_of(1, 1), theirs.at(0), &type_info<int>));
    EXPECT_FALSE(receiver.match(message_of(1, 3), text, nullptr));
    EXPECT_FALSE(receiver.match(message_of(2, 1), text, nullptr));
  }
}

TEST(PeerNames, AfterThePeersEndNoNumberNamesAChannel) {
  Channels channels;
  PeerNames names(channels, kEnough, kPeer);
  OwnNames sender(kEnough, kPeer);
  names.add_declaration(FrameKind::type, sender.encode_declaration(type_info<int>).span());
  EXPECT_TRUE(names.match(message_of(0, 1), channels.at(0), &type_info<int>));
  names.forget_channels();
  EXPECT_EQ(names.channel(0), nullptr);
  EXPECT_FALSE(names.match(message_of(0, 1), channels.at(0), &type_info<int>));
}

TEST(PeerNames, ADeclarationThatCannotBeReadBreaksTheRules) {
  Channels channels;
  PeerNames names(channels, kEnough, kPeer);
  EXPECT_THROW(names.add_declaration(FrameKind::channel, bytes_of("\xff\xff\xff")), ProtocolError);
  EXPECT_THROW(names.add_declaration(FrameKind::type, bytes_of("short")), ProtocolError);
  EXPECT_EQ(names.channel(1), nullptr);
  EXPECT_FALSE(names.has_type(1));
  try {
    names.add_declaration(FrameKind::type, {});
  } catch (const ProtocolError& error) {
    EXPECT_NE(std::string(error.what()).find("indexer (pid 7) broke the rules"), std::string::npos) << error.what();
  }
}

TEST(PeerNames, BothEndsCountTheSame) {
  Channels ours, theirs;
  OwnNames sender(kEnough, kPeer);
  PeerNames receiver(theirs, kEnough, kPeer);
  int count = 0;
  try {
    for (;; ++count) {
      Channel& channel = ours.of(count);
      const Buffer bytes = sender.encode_declaration(channel);
      receiver.add_declaration(FrameKind::channel, bytes.span());
      sender.note_declared(channel, bytes.size());
    }
  } catch (const InvalidArgumentError&) {  // the sender refuses before the receiver does
  }
  EXPECT_GT(count, 100);
  EXPECT_THROW(receiver.add_declaration(FrameKind::channel, bytes_of(std::string(400, 'x'))), ProtocolError);
}

}  // namespace
}  // namespace coproc::detail
