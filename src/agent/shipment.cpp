#include "agent/shipment.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "os/file.hpp"
#include "wire/contents.hpp"

namespace coproc::inline v0::agent {

Shipment::Shipment(os::Fd file, std::string build_id) : file_(std::move(file)) {
  if (!build_id.empty()) what_ = {std::move(build_id), os::size_of(file_)};
}

void Shipment::begin() {
  if (what_.build_id.empty() || is_under_way_) throw wire::BrokenWire("it asked for a file that is not sent there");
  is_under_way_ = true;
}

bool Shipment::put_next_piece(wire::Outbox& outbox) {
  constexpr std::uint64_t kPiece = std::uint64_t{256} << 10;
  if (!is_under_way_ || at_ == what_.bytes) return false;
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(kPiece, what_.bytes - at_)));
  if (!os::read_at(file_, at_, piece)) {
    throw std::system_error(EIO, std::generic_category(), "a program that is to be sent to another machine");
  }
  at_ += piece.size();
  outbox.put_raw(piece);
  return true;
}

}  // namespace coproc::inline v0::agent
