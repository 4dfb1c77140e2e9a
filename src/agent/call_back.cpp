#include "agent/call_back.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "agent/tls_stream.hpp"
#include "os/poll.hpp"
#include "os/tcp.hpp"
#include "wire/contents.hpp"

namespace coproc::inline v0::agent {

namespace {

/// An address that does not answer is not waited for: the next one is tried besides.
constexpr std::chrono::milliseconds kHeadStart{250};
/// All were tried: the near agent may have been too busy to take us in.
constexpr std::chrono::milliseconds kRest{200};
/// For one try of all of them, and for one handshake.
constexpr std::chrono::seconds kRoundTime{10};
constexpr std::chrono::seconds kHandshakeTime{5};

os::Deadline earlier(const os::Deadline& deadline, std::chrono::nanoseconds time) {
  return os::Deadline(std::min(deadline.remaining(), time));
}

/// One try of all addresses, of which several are being connected to at the same time. With one at a time there is a
/// handshake, since a key opens one connection.
class Round {
 public:
  Round(const wire::Ticket& ticket, std::map<std::string, std::string>& reasons)
      : ticket_(ticket), key_{ticket.session, ticket.secret}, reasons_(reasons) {}

  /// Null: none of them is it.
  std::unique_ptr<WireStream> run(const os::Deadline& deadline) {
    while (next_ < ticket_.addresses.size() || !pending_.empty()) {
      if (deadline.passed()) return nullptr;
      begin_next();
      if (auto wire = look(deadline)) return wire;
    }
    return nullptr;
  }

 private:
  struct Pending {
    std::string address;
    os::Fd socket;
  };

  void begin_next() {
    if (next_ == ticket_.addresses.size()) return;
    const std::string& address = ticket_.addresses[next_++];
    try {
      pending_.push_back({address, os::begin_connecting(address, ticket_.port)});
    } catch (const std::system_error& error) {
      reasons_[address] = error.code().message();
    }
  }

  /// Waits a moment for one of them to be connected.
  std::unique_ptr<WireStream> look(const os::Deadline& deadline) {
    std::vector<pollfd> fds;
    for (const Pending& each : pending_) fds.push_back({each.socket.get(), POLLOUT, 0});
    const bool is_last = next_ == ticket_.addresses.size();
    if (fds.empty()) return nullptr;
    os::poll_once(fds, is_last ? deadline : earlier(deadline, kHeadStart));
    for (std::size_t i = fds.size(); i-- > 0;) {
      if (fds[i].revents == 0) continue;
      Pending each = std::move(pending_[i]);
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
      if (const int error = os::connecting_error(each.socket); error != 0) {
        reasons_[each.address] = std::generic_category().message(error);
      } else if (auto wire = shake(std::move(each), deadline)) {
        return wire;
      }
    }
    return nullptr;
  }

  std::unique_ptr<WireStream> shake(Pending with, const os::Deadline& round) {
    const os::Deadline deadline = earlier(round, kHandshakeTime);
    try {
      auto stream = std::make_unique<TlsStream>(std::move(with.socket), std::make_unique<Tls>(Tls::Role::client, key_));
      while (!stream->shake()) {
        pollfd fds[2] = {{stream->in(), POLLIN, 0}, {stream->out_if_waiting(), POLLOUT, 0}};
        os::poll_once(fds, deadline);
        if (deadline.passed()) throw TlsError("did not complete the handshake in time");
      }
      return stream;
    } catch (const TlsError& error) {
      reasons_[with.address] = std::string("whoever listens there ") + error.what();
      return nullptr;
    }
  }

  const wire::Ticket& ticket_;
  const TlsKey key_;
  std::map<std::string, std::string>& reasons_;  // by address: why it is not it
  std::size_t next_ = 0;                         // the address to be tried next
  std::vector<Pending> pending_;
};

}  // namespace

wire::Ticket await_ticket(WireStream& pipes, const os::Deadline& deadline) {
  for (bool is_alive = true;;) {
    (void)pipes.flush();
    const auto bytes = pipes.intake().bytes();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (auto ticket = wire::read_ticket(text)) return *std::move(ticket);
    if (!is_alive) throw wire::BrokenWire("its stdin ended before a ticket had come through it");
    pollfd fds[2] = {{pipes.in(), POLLIN, 0}, {pipes.out_if_waiting(), POLLOUT, 0}};
    os::poll_once(fds, deadline);
    if (deadline.passed()) throw wire::BrokenWire("no ticket came through its stdin");
    is_alive = pipes.fill();
  }
}

std::unique_ptr<WireStream> call_back(const wire::Ticket& ticket, const os::Deadline& deadline) {
  constexpr int kRounds = 5;
  std::map<std::string, std::string> reasons;
  for (int i = 0; i < kRounds && !deadline.passed(); ++i) {
    if (i != 0) os::poll_once({}, earlier(deadline, kRest));
    if (auto wire = Round(ticket, reasons).run(earlier(deadline, kRoundTime))) return wire;
  }
  std::string words = "cannot connect back to port " + std::to_string(ticket.port) + " of the host's machine";
  for (const std::string& address : ticket.addresses) {
    const auto reason = reasons.find(address);
    words += "\n  " + address + ": " + (reason == reasons.end() ? "no answer" : reason->second);
  }
  throw std::runtime_error(words);
}

}  // namespace coproc::inline v0::agent
