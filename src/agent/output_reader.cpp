#include "agent/output_reader.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace coproc::inline v0::agent {

int OutputReader::fd_if_wanted() const noexcept {
  return is_finishing_ || !wants_to_send() ? -1 : pipe_.read_end.get();
}

void OutputReader::send() {
  std::array<char, kPiece> bytes;
  while (wants_to_send()) {
    const std::size_t most = is_finishing_ ? std::min(bytes.size(), left_) : bytes.size();
    const os::Got got = os::read_available(pipe_.read_end, std::span(bytes).first(most));
    is_at_end_ = got.is_at_end;
    if (got.bytes == 0) {
      if (is_finishing_) left_ = 0;  // the pipe is empty: the worker has printed nothing more
      return;
    }
    if (is_finishing_) left_ -= got.bytes;
    window_.spend(got.bytes);
    outbox_.put_bulk(wire::FrameType::output, number_, std::as_bytes(std::span(bytes).first(got.bytes)));
  }
}

}  // namespace coproc::inline v0::agent
