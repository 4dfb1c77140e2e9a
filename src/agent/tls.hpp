// One end of a conversation by TLS 1.3, apart from the socket: bytes go in and come out, in clear and encrypted.
//
// Both ends prove that they know a key that is made for this one conversation (an external PSK, with a fresh
// Diffie-Hellman exchange). There are no certificates and no tickets. Only tls.cpp includes OpenSSL.
//
// Thread safety: one thread at a time.
// Security considerations: until shake() has returned true, nothing is known of the other side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

namespace coproc::inline v0::agent {

/// Says what the other side did: "had another key".
class TlsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What both ends know.
struct TlsKey {
  static constexpr std::size_t kBytes = 32;

  std::string name;    // sent in clear
  std::string secret;  // of kBytes
};
/// Throws TlsError if there are no random numbers, or no TLS.
TlsKey new_tls_key();

class Tls {
 public:
  enum class Role { client, server };
  /// AES-GCM may be used for no more than 2^24.5 records with one key, and OpenSSL does not count them.
  static constexpr std::uint64_t kRecordsPerKey = std::uint64_t{1} << 23;

  /// After `records_per_key` records that were written, the next ones have a new key. Throws TlsError.
  Tls(Role role, const TlsKey& key, std::uint64_t records_per_key = kRecordsPerKey);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  /// Takes encrypted bytes from the other side.
  void put(std::span<const std::byte> bytes);
  /// Encrypted bytes for the other side.
  std::span<const std::byte> output() const noexcept;
  /// So many of them were sent.
  void sent(std::size_t bytes) noexcept;

  /// Goes on with the handshake. True: it is complete, and the other side knows the key. Throws TlsError.
  bool shake();
  /// Decrypts what was put, as far as there is room for it; 0: more has to be put first. Throws TlsError if it was
  /// changed on its way, or if it was the end. REQUIRES: shake() has returned true.
  std::size_t read(std::span<std::byte> to);
  /// Encrypts all of it. REQUIRES: shake() has returned true. Throws TlsError.
  void write(std::span<const std::byte> from);
  /// Says that nothing follows.
  void close() noexcept;
  /// How often the key for what is written was changed.
  std::uint64_t key_changes() const noexcept { return key_changes_; }

 private:
  struct Engine;

  [[maybe_unused]] const std::uint64_t records_per_key_;
  [[maybe_unused]] std::uint64_t records_ = 0;  // since the last change
  std::uint64_t key_changes_ = 0;
  std::unique_ptr<Engine> engine_;
};

}  // namespace coproc::inline v0::agent
