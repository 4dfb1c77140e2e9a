#include "agent/listener.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "os/clock.hpp"
#include "os/poll.hpp"
#include "os/tcp.hpp"

namespace coproc::inline v0::agent {

namespace {

/// How many newcomers are looked at in one turn: the host must not have to wait for a crowd of strangers.
constexpr int kMostAtOnce = 64;
constexpr std::size_t kMostAddresses = 64;

os::Fd listen_in(std::uint16_t first, std::uint16_t last) {
  for (std::uint32_t port = first;; ++port) {
    try {
      return os::listen_everywhere(static_cast<std::uint16_t>(port));
    } catch (const std::system_error& error) {
      if (error.code().value() != EADDRINUSE || port >= last) throw;
    }
  }
}

}  // namespace

Listener::Listener(std::uint16_t first, std::uint16_t last) : socket_(listen_in(first, last)), key_(new_tls_key()) {
  ticket_.session = key_.name;
  ticket_.secret = key_.secret;
  ticket_.port = os::port_of(socket_);
  ticket_.addresses = os::own_addresses();
  if (ticket_.addresses.size() > kMostAddresses) ticket_.addresses.resize(kMostAddresses);
}

std::unique_ptr<WireStream> Listener::look() {
  for (int i = 0; i <= kMostAtOnce; ++i) {
    for (auto guest = guests_.begin(); guest != guests_.end();) {
      try {
        if (guest->stream->shake()) return std::move(guest->stream);
        ++guest;
      } catch (const TlsError& error) {
        note_stranger(*guest, error.what());
        guest = guests_.erase(guest);
      }
    }
    if (guests_.size() == kPlaces) {
      pollfd entry = {socket_.get(), POLLIN, 0};
      const bool is_anybody_there =
          os::poll_once({&entry, 1}, os::Deadline(std::chrono::seconds(0))) == os::PollEnd::ready;
      waits_in_vain_ = is_anybody_there && !make_place();
      if (!is_anybody_there || waits_in_vain_) return nullptr;
    }
    auto newcomer = os::accept_next(socket_);
    if (!newcomer) return nullptr;
    auto tls = std::make_unique<Tls>(Tls::Role::server, key_);
    guests_.push_back({std::make_unique<TlsStream>(std::move(newcomer->socket), std::move(tls)),
                       std::move(newcomer->address), os::now_ns()});
  }
  return nullptr;
}

bool Listener::is_displaceable(const Guest& guest, std::int64_t now) const noexcept {
  return !guest.stream->has_heard() || now - guest.since >= std::chrono::nanoseconds(kHandshakeTime).count();
}

bool Listener::make_place() {
  const std::int64_t now = os::now_ns();
  const auto oldest =
      std::find_if(guests_.begin(), guests_.end(), [&](const Guest& guest) { return is_displaceable(guest, now); });
  if (oldest == guests_.end()) return false;
  note_stranger(*oldest, oldest->stream->has_heard() ? "did not complete the handshake in time" : "said nothing");
  guests_.erase(oldest);
  return true;
}

void Listener::prepare_poll(std::span<pollfd, kFds> fds) const noexcept {
  std::fill(fds.begin(), fds.end(), pollfd{-1, 0, 0});
  // While nobody can be given a place, that somebody waits for one is no news.
  if (guests_.size() < kPlaces || !waits_in_vain_) fds[kPlaces] = {socket_.get(), POLLIN, 0};
  for (std::size_t i = 0; i < guests_.size(); ++i) {
    const TlsStream& stream = *guests_[i].stream;
    fds[i] = {stream.in(), static_cast<short>(stream.out_if_waiting() < 0 ? POLLIN : POLLIN | POLLOUT), 0};
  }
}

std::chrono::nanoseconds Listener::look_in() const noexcept {
  if (guests_.size() < kPlaces || !waits_in_vain_) return std::chrono::nanoseconds::max();
  const std::int64_t end = guests_.front().since + std::chrono::nanoseconds(kHandshakeTime).count();
  return std::chrono::nanoseconds(std::max<std::int64_t>(end - os::now_ns(), 0));
}

void Listener::note_stranger(const Guest& guest, const std::string& what) {
  ++strangers_;
  last_address_ = guest.address;
  last_words_ = what;
}

std::string Listener::describe_strangers() const {
  std::string words;
  if (!guests_.empty()) {
    words = "; " + std::to_string(guests_.size()) +
            " connected to its port and did not complete the handshake, one of " + "them from " +
            guests_.front().address;
  }
  if (strangers_ != 0) {
    words += "; " + std::to_string(strangers_) + " were turned away, and the last one, from " + last_address_ + ", " +
             last_words_;
  }
  return words;
}

}  // namespace coproc::inline v0::agent
