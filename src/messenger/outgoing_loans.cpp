#include "messenger/outgoing_loans.hpp"

#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "coproc/errors.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

namespace {

/// If too much is lent, at most so many of the oldest loans are checked for whether the peer has returned them.
constexpr std::uint64_t kMostLoansChecked = 64;

}  // namespace

std::shared_ptr<link::Lender> OutgoingLoans::lender() {
  auto lender = link_.lender();
  if (used_.expired()) used_ = lender;
  return lender;
}

/// The link's lender, or null if the link has none or it cannot be made now. Without it everything is copied.
std::shared_ptr<link::Lender> OutgoingLoans::try_lender() noexcept {
  try {
    return lender();
  } catch (const std::exception&) {
    return nullptr;
  }
}

std::optional<std::uint32_t> OutgoingLoans::lend(const LoanHandle& handle) {
  const auto lender = try_lender();
  if (lender == nullptr) return std::nullopt;
  const auto own = std::dynamic_pointer_cast<link::OwnLoan>(handle.hold());
  if (own == nullptr || !own->is_of(*lender)) return copy(lender, handle.data(), handle.bytes());
  if (own->number) return own->number;                                     // a codec has written the same loan before
  if (!own->is_own()) return copy(lender, handle.data(), handle.bytes());  // the peer has the loan already
  return add(own);
}

std::optional<std::uint32_t> OutgoingLoans::lend_copy(const void* data, std::size_t bytes) {
  if (!options_.automatic_loans || link_.peer_copies_loans()) return std::nullopt;
  const auto lender = try_lender();
  if (lender == nullptr) return std::nullopt;
  // If the peer does not receive, the sender must be slowed down: so automatic loans have a limit, as the ring has.
  const std::size_t most = options_.max_queued_bytes;
  if (bytes > most) return std::nullopt;
  if (lender->counts().lent.bytes > most - bytes) {
    lender->look(kMostLoansChecked);
    if (lender->counts().lent.bytes > most - bytes) return std::nullopt;
  }
  return copy(lender, data, bytes);
}

std::optional<std::uint32_t> OutgoingLoans::copy(const std::shared_ptr<link::Lender>& lender, const void* data,
                                                 std::size_t bytes) {
  std::shared_ptr<link::OwnLoan> loan;
  try {
    loan = link::lend(lender, bytes);
  } catch (const std::system_error&) {
    return std::nullopt;
  }
  if (loan == nullptr) return std::nullopt;
  std::memcpy(loan->data, data, bytes);
  return add(std::move(loan));
}

std::uint32_t OutgoingLoans::add(std::shared_ptr<link::OwnLoan> loan) {
  const auto number = static_cast<std::uint32_t>(loans_.size());
  link::OwnLoan& added = *loans_.emplace_back(std::move(loan));
  added.number = number;
  bytes_ += added.bytes;
  return number;
}

void OutgoingLoans::finish(Encoder& encoder, link::FrameHeader& header) const {
  for (const auto& loan : loans_) {
    const link::LoanReference reference = loan->reference();
    encoder.bytes(&reference, sizeof reference);
  }
  encoder.scalar(static_cast<std::uint32_t>(loans_.size()));
  if (lent_bytes() > options_.max_message_bytes || encoder.size() > options_.max_message_bytes - lent_bytes()) {
    throw MessageTooLargeError("a message of " + std::to_string(encoder.size()) + " bytes with " +
                               std::to_string(bytes_) + " that are lent, in " + std::to_string(loans_.size()) +
                               " loans, takes more than the " + std::to_string(options_.max_message_bytes) +
                               " allowed: send it in parts, or raise LinkOptions::max_message_bytes");
  }
  header.flags = static_cast<std::uint8_t>(header.flags | link::kCarriesLoans);
  step("send: loans named");
}

void OutgoingLoans::hand_over() noexcept {
  step("send: before loans are handed over");
  for (const auto& loan : loans_) loan->hand_over();
  clear();
}

void OutgoingLoans::clear() noexcept {
  for (const auto& loan : loans_) loan->number.reset();
  loans_.clear();
  bytes_ = 0;
}

}  // namespace coproc::inline v0::detail
