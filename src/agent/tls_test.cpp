#include "agent/tls.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace {

using coproc::agent::new_tls_key;
using coproc::agent::Tls;
using coproc::agent::TlsError;
using coproc::agent::TlsKey;

std::string carry(Tls& from, Tls& to) {
  const auto output = from.output();
  const std::string bytes(reinterpret_cast<const char*>(output.data()), output.size());
  to.put(output);
  from.sent(output.size());
  return bytes;
}

/// Both, in turn; returns what the client has sent.
std::string shake_hands(Tls& client, Tls& server) {
  std::string sent;
  for (bool is_client_done = false, is_server_done = false; !is_client_done || !is_server_done;) {
    is_client_done = client.shake();
    sent += carry(client, server);
    is_server_done = server.shake();
    carry(server, client);
  }
  return sent;
}

std::string read_all(Tls& from) {
  std::string text;
  std::vector<std::byte> piece(100'000);
  while (const std::size_t bytes = from.read(piece)) text.append(reinterpret_cast<const char*>(piece.data()), bytes);
  return text;
}

void write(Tls& to, const std::string& text) { to.write(std::as_bytes(std::span(text))); }

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const TlsError& error) {
    return error.what();
  }
  return "none";
}

TEST(AgentTls, BothSidesReadWhatTheOtherWrote) {
  const TlsKey key = new_tls_key();
  EXPECT_EQ(key.secret.size(), TlsKey::kBytes);
  EXPECT_NE(key.secret, new_tls_key().secret);
  Tls client(Tls::Role::client, key), server(Tls::Role::server, key);
  shake_hands(client, server);
  for (const std::size_t bytes : {1u, 16'384u, 16'385u, 1'000'000u}) {
    const std::string text(bytes, 'x');
    write(client, text);
    EXPECT_EQ(carry(client, server).find("xxxx"), std::string::npos) << "it is not encrypted";
    EXPECT_EQ(read_all(server), text);
    write(server, text);
    carry(server, client);
    EXPECT_EQ(read_all(client), text);
  }
}

TEST(AgentTls, AnEndIsToldFromSilence) {
  const TlsKey key = new_tls_key();
  Tls client(Tls::Role::client, key), server(Tls::Role::server, key);
  shake_hands(client, server);
  EXPECT_EQ(read_all(server), "");
  client.close();
  carry(client, server);
  EXPECT_EQ(error_of([&] { read_all(server); }), "has closed the connection");
}

TEST(AgentTls, WhatWasChangedOnItsWayIsRefused) {
  const TlsKey key = new_tls_key();
  Tls client(Tls::Role::client, key), server(Tls::Role::server, key);
  shake_hands(client, server);
  write(client, "text");
  std::string bytes(reinterpret_cast<const char*>(client.output().data()), client.output().size());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  server.put(std::as_bytes(std::span(bytes)));
  EXPECT_NE(error_of([&] { read_all(server); }).find("changed on its way"), std::string::npos);
}

/// What a server says of a client with this key.
std::string refusal_of(const TlsKey& client_key, const TlsKey& server_key) {
  Tls client(Tls::Role::client, client_key), server(Tls::Role::server, server_key);
  return error_of([&] { shake_hands(client, server); });
}

TEST(AgentTls, AnotherKeyOrAnotherNameIsRefused) {
  const TlsKey key = new_tls_key();
  TlsKey other = key;
  other.secret[5] = static_cast<char>(other.secret[5] ^ 1);
  EXPECT_EQ(refusal_of(other, key), "had another key");
  other = key;
  other.name += '0';
  EXPECT_EQ(refusal_of(other, key), "did not have the key of this start");
}

TEST(AgentTls, AClientRefusesAServerWithoutTheKey) {
  const TlsKey key = new_tls_key();
  Tls client(Tls::Role::client, key), server(Tls::Role::server, new_tls_key());
  EXPECT_FALSE(client.shake());
  carry(client, server);
  EXPECT_NE(error_of([&] { server.shake(); }), "none");
  carry(server, client);
  EXPECT_NE(error_of([&] { client.shake(); }), "none");
}

TEST(AgentTls, WhatIsNoTlsIsRefused) {
  Tls server(Tls::Role::server, new_tls_key());
  const std::string request = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
  server.put(std::as_bytes(std::span(request)));
  EXPECT_EQ(error_of([&] { server.shake(); }), "did not speak TLS 1.3");
}

TEST(AgentTls, AReplayedFlightIsRefused) {
  const TlsKey key = new_tls_key();
  Tls client(Tls::Role::client, key), server(Tls::Role::server, key);
  const std::string flight = shake_hands(client, server);
  Tls second(Tls::Role::server, key);  // which has made a share of its own for the exchange
  second.put(std::as_bytes(std::span(flight)));
  EXPECT_NE(error_of([&] {
              while (!second.shake()) {}
            }),
            "none");
}

TEST(AgentTls, TheKeyIsChangedInTime) {
  const TlsKey key = new_tls_key();
  Tls client(Tls::Role::client, key, 10), server(Tls::Role::server, key, 3);
  shake_hands(client, server);
  std::string sent, expected;
  for (int i = 0; i < 100; ++i) {
    expected += "text " + std::to_string(i);
    write(client, "text " + std::to_string(i));
    carry(client, server);
    sent += read_all(server);
    write(server, "answer");
    carry(server, client);
    ASSERT_EQ(read_all(client), "answer");
  }
  EXPECT_EQ(sent, expected);
  EXPECT_EQ(client.key_changes(), 9u);
  EXPECT_EQ(server.key_changes(), 33u);
  EXPECT_LE(Tls::kRecordsPerKey, std::uint64_t{23'726'566});  // 2^24.5
}

}  // namespace
