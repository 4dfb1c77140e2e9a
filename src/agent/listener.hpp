// Where the near agent can be connected to while it waits for the far one, and who has come there.
//
// Anyone can connect; the far agent is the one that knows the key. Until a handshake is complete nobody else's has used
// the key up. This is destroyed then, so that nobody can come later.
//
// Thread safety: one thread at a time.
// Invariants: at most kPlaces connections are held. If all places are taken, a newcomer gets that of the oldest one
// that has sent nothing, or that has had kHandshakeTime; if there is none of these, it waits in the kernel.
#pragma once

#include <poll.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/tls_stream.hpp"
#include "os/fd.hpp"
#include "wire/ticket.hpp"

namespace coproc::inline v0::agent {

class Listener {
 public:
  static constexpr std::size_t kPlaces = 16;
  static constexpr std::size_t kFds = kPlaces + 1;
  static constexpr std::chrono::seconds kHandshakeTime{2};

  /// Listens at the first port from `first` to `last` that is free; 0 and 0: at any. Throws std::system_error,
  /// TlsError.
  Listener(std::uint16_t first, std::uint16_t last);

  /// For the far agent.
  const wire::Ticket& ticket() const noexcept { return ticket_; }
  /// Goes on with all handshakes, and returns the connection whose handshake is complete; null: there is none yet.
  std::unique_ptr<WireStream> look();
  /// What to poll for.
  void prepare_poll(std::span<pollfd, kFds> fds) const noexcept;
  /// When to look again.
  std::chrono::nanoseconds look_in() const noexcept;
  /// "; 2 others came to its port, and the last one, from 10.0.0.7, had another key"; empty: nobody did.
  std::string describe_strangers() const;

 private:
  struct Guest {
    std::unique_ptr<TlsStream> stream;
    std::string address;
    std::int64_t since = 0;  // os::now_ns()
  };

  bool make_place();
  bool is_displaceable(const Guest& guest, std::int64_t now) const noexcept;
  void note_stranger(const Guest& guest, const std::string& what);

  os::Fd socket_;
  TlsKey key_;
  wire::Ticket ticket_;
  std::vector<Guest> guests_;   // the oldest first
  bool waits_in_vain_ = false;  // somebody in the kernel, for a place
  std::uint64_t strangers_ = 0;
  std::string last_address_, last_words_;
};

}  // namespace coproc::inline v0::agent
