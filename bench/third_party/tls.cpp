// TLS 1.3 of OpenSSL over TCP on the loopback interface, with a key that both sides have (no certificates).
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>

#include "kernel/tcp.hpp"
#include "remote.hpp"

namespace {

// Both sides of one benchmark are forks of one process: the key is no secret.
constexpr std::array<unsigned char, 32> kKey = {1, 2, 3, 4};
constexpr unsigned char kName[] = "bench";
constexpr unsigned char kAes128GcmSha256[] = {0x13, 0x01};

[[noreturn]] void throw_tls(const char* call) {
  throw std::runtime_error(std::string(call) + ": " + ERR_error_string(ERR_get_error(), nullptr));
}

SSL_SESSION* session_of_key(SSL* ssl) {
  SSL_SESSION* const session = SSL_SESSION_new();
  SSL_SESSION_set1_master_key(session, kKey.data(), kKey.size());
  SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, kAes128GcmSha256));
  SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION);
  return session;
}
int find_key(SSL* ssl, const unsigned char*, std::size_t, SSL_SESSION** session) {
  *session = session_of_key(ssl);
  return 1;
}
int use_key(SSL* ssl, const EVP_MD*, const unsigned char** name, std::size_t* size, SSL_SESSION** session) {
  *name = kName;
  *size = sizeof kName - 1;
  *session = session_of_key(ssl);
  return 1;
}

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

class TlsWire {
 public:
  void become_host() {
    tcp_.become_host();
    open(TLS_server_method());
    SSL_CTX_set_psk_find_session_callback(context_.get(), find_key);
    connect(SSL_accept, "SSL_accept");
  }
  void become_peer() {
    tcp_.become_peer();
    open(TLS_client_method());
    SSL_CTX_set_psk_use_session_callback(context_.get(), use_key);
    connect(SSL_connect, "SSL_connect");
  }

  void write(const void* data, std::size_t size) {
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), data, size, &written) != 1 || written != size) throw_tls("SSL_write_ex");
  }
  std::size_t read(void* data, std::size_t most) {
    std::size_t got = 0;
    if (SSL_read_ex(ssl_.get(), data, most, &got) != 1) throw_tls("SSL_read_ex");
    return got;
  }

 private:
  void open(const SSL_METHOD* method) {
    context_.reset(SSL_CTX_new(method));
    bench::check(context_ != nullptr, "SSL_CTX_new");
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context_.get(), "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_num_tickets(context_.get(), 0);
  }
  void connect(int (*call)(SSL*), const char* name) {
    ssl_.reset(SSL_new(context_.get()));
    bench::check(ssl_ != nullptr && SSL_set_fd(ssl_.get(), tcp_.fd()) == 1, "SSL_new");
    if (call(ssl_.get()) != 1) throw_tls(name);
  }

  bench::TcpWire tcp_;
  std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, Freed<SSL_free>> ssl_;
};

template <std::size_t Size>
struct Tls : bench::WireEnd<Size, TlsWire> {};

}  // namespace

int main(int argc, char** argv) { return bench::run_remote_pair<Tls>(argc, argv); }
