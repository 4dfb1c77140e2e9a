// TCP over the loopback interface: what nothing that goes over a network can beat.
#include "kernel/tcp.hpp"

#include "remote.hpp"

template <std::size_t Size>
struct Tcp : bench::WireEnd<Size, bench::TcpWire> {};

int main(int argc, char** argv) { return bench::run_remote_pair<Tcp>(argc, argv); }
