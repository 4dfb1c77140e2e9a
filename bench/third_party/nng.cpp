// nng: a pair socket on each side, over `abstract`: its ipc without a file that could be left behind.
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "work.hpp"

inline void check_nng(int error, const char* call) {
  if (error != 0) throw std::runtime_error(std::string(call) + ": " + nng_strerror(error));
}

template <std::size_t Size>
class NngEnd {
 public:
  static constexpr bool kSleeps = true;

  NngEnd() = default;
  NngEnd(const NngEnd&) = delete;
  NngEnd& operator=(const NngEnd&) = delete;
  ~NngEnd() { nng_close(socket_); }

  void become_host() {
    open();
    check_nng(nng_listen(socket_, address_.c_str(), nullptr, 0), "nng_listen");
  }
  /// Connects in the background, and tries as often as it takes.
  void become_peer() {
    open();
    check_nng(nng_dial(socket_, address_.c_str(), nullptr, NNG_FLAG_NONBLOCK), "nng_dial");
  }

  /// The payload is made in the message that is sent.
  void send(std::uint64_t number) {
    nng_msg* message = nullptr;
    check_nng(nng_msg_alloc(&message, Size), "nng_msg_alloc");
    bench::make(*static_cast<bench::Payload<Size>*>(nng_msg_body(message)), number);
    check_nng(nng_sendmsg(socket_, message, 0), "nng_sendmsg");
  }

  std::uint64_t receive() {
    nng_msg* message = nullptr;
    check_nng(nng_recvmsg(socket_, &message, 0), "nng_recvmsg");
    bench::check(nng_msg_len(message) == Size, "a message of another size");
    const std::uint64_t number = bench::number_of(*static_cast<const bench::Payload<Size>*>(nng_msg_body(message)));
    nng_msg_free(message);
    return number;
  }

 private:
  /// The first socket that is opened starts threads, so this is done after the fork.
  void open() {
    check_nng(nng_pair0_open(&socket_), "nng_pair0_open");
    // As in nng's own measurements of throughput, 128 messages may wait on either side, but not 128 times 1 MiB.
    const int depth = std::max<int>(4, std::min<int>(128, (16 << 20) / Size));
    check_nng(nng_socket_set_int(socket_, NNG_OPT_SENDBUF, depth), "NNG_OPT_SENDBUF");
    check_nng(nng_socket_set_int(socket_, NNG_OPT_RECVBUF, depth), "NNG_OPT_RECVBUF");
    check_nng(nng_socket_set_size(socket_, NNG_OPT_RECVMAXSZ, Size), "NNG_OPT_RECVMAXSZ");
    check_nng(nng_socket_set_ms(socket_, NNG_OPT_RECONNMINT, 1), "NNG_OPT_RECONNMINT");
  }

  const std::string address_ = "abstract://coproc_bench_nng_" + std::to_string(getpid());
  nng_socket socket_ = NNG_SOCKET_INITIALIZER;
};

int main(int argc, char** argv) { return bench::run_pair<NngEnd>(argc, argv); }
