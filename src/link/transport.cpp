#include "link/transport.hpp"

#include <string>

#include "coproc/errors.hpp"

namespace coproc::inline v0::link {

void Transport::request_close() noexcept {
  step("request_close: before");
  own_->close_requests.fetch_add(1, std::memory_order_release);  // pairs with close_requests() at the peer
  step("request_close: counted");
  wake_if_waiting(kSleeps);
}

void Transport::set_stuck(bool is_stuck) noexcept {
  // seq_cst: both sides publish and then look at the other's word; at least one of them must see both set.
  own_->stuck.store(is_stuck ? 1 : 0, std::memory_order_seq_cst);
  step("set_stuck: published");
  if (is_stuck) wake_if_waiting(kSleeps);
}

void Transport::throw_impossible(const char* what) {
  throw ProtocolError(std::string("the peer published an impossible ") + what +
                      ": the link cannot be used any more; stop the worker");
}

}  // namespace coproc::inline v0::link
