// Connections by TCP. Addresses are numbers, as text, so that no name is looked up.
//
// Thread safety: free functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// A socket that listens at every address of this machine, by IPv6 and IPv4 where there are both, and never waits.
/// `port` 0: the system chooses one. Throws std::system_error.
Fd listen_everywhere(std::uint16_t port);
/// Throws std::system_error.
std::uint16_t port_of(const Fd& socket);

/// The addresses by which others may reach this machine, and after them those by which only it reaches itself.
/// "fe80::1%eth0" has no meaning elsewhere, and is left out. Throws std::system_error.
std::vector<std::string> own_addresses();

struct Accepted {
  Fd socket;
  std::string address;  // of the other side
};
/// The next connection that has come; nullopt: there is none, or it has gone again.
std::optional<Accepted> accept_next(const Fd& listener) noexcept;

/// Begins to connect, and does not wait: the socket is ready for POLLOUT once it is connected, or cannot be. Throws
/// std::system_error.
Fd begin_connecting(const std::string& address, std::uint16_t port);
/// The error with which it could not be connected; 0: it is.
int connecting_error(const Fd& socket) noexcept;

/// The other side sees the end of what comes from here, while it may still send.
void end_sending(const Fd& socket) noexcept;

}  // namespace coproc::inline v0::os
