// How messengers make messages, and how pools reach the bytes of one.
//
// Thread safety: functions without state.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "coproc/message.hpp"

namespace coproc::inline v0::detail {

struct MessageAccess {
  /// A message without contents, to be filled.
  static Message make() noexcept { return Message(); }
  static MessageParts& parts(Message& message) noexcept { return message.parts_; }
  static std::span<const std::byte> payload(const Message& message) noexcept { return message.parts_.payload.span(); }
  static std::span<const std::shared_ptr<LoanHold>> loans(const Message& message) noexcept {
    return message.parts_.loans;
  }
  /// What its decoded value may allocate.
  static std::size_t max_allocation(const Message& message) noexcept { return message.parts_.max_allocation; }
};

}  // namespace coproc::inline v0::detail
