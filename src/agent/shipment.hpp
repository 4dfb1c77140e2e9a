// A file on its way into the cache of the machine there.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "agent/bootstrap.hpp"
#include "os/fd.hpp"
#include "wire/outbox.hpp"

namespace coproc::inline v0::agent {

class Shipment {
 public:
  /// Of nothing.
  Shipment() = default;
  Shipment(os::Fd file, std::string build_id);

  const Shipped& what() const noexcept { return what_; }
  /// It was asked for. Throws wire::BrokenWire if there is none, or if it was asked for before.
  void begin();
  /// False: nothing is to be sent now. Throws std::system_error if the file cannot be read.
  bool put_next_piece(wire::Outbox& outbox);

 private:
  os::Fd file_;
  Shipped what_;
  std::uint64_t at_ = 0;
  bool is_under_way_ = false;
};

}  // namespace coproc::inline v0::agent
