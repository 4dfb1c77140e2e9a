#include "agent/tls.hpp"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace coproc::inline v0::agent {

namespace {

constexpr std::size_t kMostRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;
/// The other one has the same hash function, with which the key is bound to the handshake.
constexpr const char* kCiphers = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
constexpr std::array<unsigned char, 2> kAes128GcmSha256 = {0x13, 0x01};

/// OpenSSL's words are about certificates that nobody uses here.
std::string words_of(unsigned long error) {
  switch (ERR_GET_REASON(error)) {
    case SSL_R_BINDER_DOES_NOT_VERIFY:
      return "had another key";
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_CERTIFICATE_SET:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_BAD_PSK_IDENTITY:
      return "did not have the key of this start";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return "did not speak TLS 1.3";
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
    case SSL_R_DIGEST_CHECK_FAILED:
      return "sent what is not encrypted by the key, or was changed on its way";
    default:
      break;
  }
  const char* const reason = ERR_reason_error_string(error);
  return std::string("did not complete the handshake (OpenSSL: ") + (reason == nullptr ? "no reason" : reason) + ')';
}

[[noreturn]] void throw_last() {
  const unsigned long error = ERR_peek_error();
  ERR_clear_error();
  throw TlsError(words_of(error));
}

void require(bool is_done, const char* what) {
  if (is_done) return;
  ERR_clear_error();
  throw TlsError(std::string("OpenSSL cannot be used here: ") + what + " failed");
}

/// Nothing of the system's configuration is read: it may be another OpenSSL's.
void initialise() { require(OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1, "its initialisation"); }

const TlsKey& key_of(SSL* ssl) { return *static_cast<const TlsKey*>(SSL_get_app_data(ssl)); }

SSL_SESSION* session_of(SSL* ssl) {
  const TlsKey& key = key_of(ssl);
  const SSL_CIPHER* const cipher = SSL_CIPHER_find(ssl, kAes128GcmSha256.data());
  SSL_SESSION* const session = SSL_SESSION_new();
  const auto* const secret = reinterpret_cast<const unsigned char*>(key.secret.data());
  if (session != nullptr && cipher != nullptr && SSL_SESSION_set_cipher(session, cipher) == 1 &&
      SSL_SESSION_set1_master_key(session, secret, key.secret.size()) == 1 &&
      SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1) {
    return session;
  }
  SSL_SESSION_free(session);
  return nullptr;
}

int use_key(SSL* ssl, const EVP_MD*, const unsigned char** name, std::size_t* bytes, SSL_SESSION** session) {
  const TlsKey& key = key_of(ssl);
  *session = session_of(ssl);
  *name = reinterpret_cast<const unsigned char*>(key.name.data());
  *bytes = key.name.size();
  return *session != nullptr ? 1 : 0;
}

int find_key(SSL* ssl, const unsigned char* name, std::size_t bytes, SSL_SESSION** session) {
  const TlsKey& key = key_of(ssl);
  const bool is_it = bytes == key.name.size() && CRYPTO_memcmp(name, key.name.data(), bytes) == 0;
  *session = is_it ? session_of(ssl) : nullptr;
  return 1;
}

}  // namespace

TlsKey new_tls_key() {
  initialise();
  std::array<unsigned char, 16> name{};
  TlsKey key{"", std::string(TlsKey::kBytes, '\0')};
  require(RAND_bytes(name.data(), name.size()) == 1 &&
              RAND_priv_bytes(reinterpret_cast<unsigned char*>(key.secret.data()), TlsKey::kBytes) == 1,
          "its source of random numbers");
  for (const unsigned char each : name) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    key.name += kDigits[each >> 4];
    key.name += kDigits[each & 15];
  }
  return key;
}

struct Tls::Engine {
  Engine(Role role, TlsKey key) : key_(std::move(key)) {
    initialise();
    context_.reset(SSL_CTX_new(role == Role::server ? TLS_server_method() : TLS_client_method()));
    require(context_ != nullptr, "SSL_CTX_new");
    SSL_CTX* const context = context_.get();
    require(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
                SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1,
            "TLS 1.3");
    require(SSL_CTX_set_ciphersuites(context, kCiphers) == 1, "SSL_CTX_set_ciphersuites");
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (role == Role::server) {
      SSL_CTX_set_psk_find_session_callback(context, &find_key);
    } else {
      // A server without the key would have to have a certificate, and there is none that is trusted.
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
      SSL_CTX_set_psk_use_session_callback(context, &use_key);
    }
    ssl_.reset(SSL_new(context));
    require(ssl_ != nullptr, "SSL_new");
    BIO* const in = BIO_new(BIO_s_mem());
    BIO* const out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl(), in, out);  // which owns them
    require(in != nullptr && out != nullptr, "BIO_new");
    BIO_set_mem_eof_return(in, -1);  // more will come
    SSL_set_app_data(ssl(), &key_);
    role == Role::server ? SSL_set_accept_state(ssl()) : SSL_set_connect_state(ssl());
  }
  ~Engine() { OPENSSL_cleanse(key_.secret.data(), key_.secret.size()); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  SSL* ssl() const noexcept { return ssl_.get(); }
  BIO* in() const noexcept { return SSL_get_rbio(ssl()); }
  BIO* out() const noexcept { return SSL_get_wbio(ssl()); }

  TlsKey key_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, &SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, &SSL_free};
};

Tls::Tls(Role role, const TlsKey& key, std::uint64_t records_per_key)
    : records_per_key_(records_per_key), engine_(std::make_unique<Engine>(role, key)) {}

Tls::~Tls() = default;

void Tls::put(std::span<const std::byte> bytes) {
  const int size = static_cast<int>(bytes.size());
  if (size != 0) require(BIO_write(engine_->in(), bytes.data(), size) == size, "BIO_write");
}

std::span<const std::byte> Tls::output() const noexcept {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(engine_->out(), &data);
  return std::as_bytes(std::span(data, bytes > 0 ? static_cast<std::size_t>(bytes) : 0));
}

void Tls::sent(std::size_t bytes) noexcept {
  // A read from it only takes bytes off.
  std::array<char, 16384> taken;
  while (bytes != 0) {
    const int got = BIO_read(engine_->out(), taken.data(), static_cast<int>(std::min(bytes, taken.size())));
    if (got <= 0) return;
    bytes -= static_cast<std::size_t>(got);
  }
}

bool Tls::shake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(engine_->ssl());
  if (result == 1) {
    if (SSL_session_reused(engine_->ssl()) != 1) throw TlsError("did not have the key of this start");
    return true;
  }
  if (SSL_get_error(engine_->ssl(), result) == SSL_ERROR_WANT_READ) return false;
  throw_last();
}

std::size_t Tls::read(std::span<std::byte> to) {
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(engine_->ssl(), to.data(), to.size(), &bytes);
  if (result == 1) return bytes;
  switch (SSL_get_error(engine_->ssl(), result)) {
    case SSL_ERROR_WANT_READ:
      return 0;
    case SSL_ERROR_ZERO_RETURN:
      throw TlsError("has closed the connection");
    default:
      throw_last();
  }
}

void Tls::write(std::span<const std::byte> from) {
  ERR_clear_error();
  while (!from.empty()) {
    if (records_ == records_per_key_) {
      require(SSL_key_update(engine_->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1, "SSL_key_update");
      records_ = 0;
      ++key_changes_;
    }
    const auto piece = from.first(std::min(from.size(), kMostRecordBytes));
    std::size_t bytes = 0;
    if (SSL_write_ex(engine_->ssl(), piece.data(), piece.size(), &bytes) != 1) throw_last();
    ++records_;
    from = from.subspan(bytes);
  }
}

void Tls::close() noexcept {
  (void)SSL_shutdown(engine_->ssl());
  ERR_clear_error();
}

}  // namespace coproc::inline v0::agent
