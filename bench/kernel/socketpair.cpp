// A stream socket: the first choice of a program that sends structs to a child.
#include <sys/socket.h>

#include "bytes.hpp"
#include "work.hpp"

template <std::size_t Size>
struct SocketPair : bench::ByteEnd<Size> {
  SocketPair() {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) bench::throw_errno("socketpair");
    this->host = {fds[0], fds[0]};
    this->peer = {fds[1], fds[1]};
  }
};

int main(int argc, char** argv) { return bench::run_pair<SocketPair>(argc, argv); }
