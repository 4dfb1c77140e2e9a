// Memory that is lent instead of copied: made for the user, gathered from a message that leaves, taken from one that comes.
#include "messenger/loans.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "link/borrower.hpp"
#include "messenger/core.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

namespace {

/// How many loans are looked at, whether they are back, before a copy goes by the ring because too much is lent.
constexpr std::uint64_t kLooksForRoom = 64;

}  // namespace

// ---- what the messenger calls ----

LoanHandle Core::lend(std::size_t count, std::size_t size) {
  CallGuard guard(*this);
  throw_if_gone();
  if (count == 0) return {};
  if (count > options_.link.max_message_bytes / size) {
    throw MessageTooLargeError("a loan of " + std::to_string(count) + " elements of " + std::to_string(size) +
                               " bytes cannot be sent, over the " + std::to_string(options_.link.max_message_bytes) +
                               " bytes allowed: take it in parts, or raise LinkOptions::max_message_bytes");
  }
  std::shared_ptr<link::Lender> lender;
  std::string why = "its memory was made under a limit of file sizes (RLIMIT_FSIZE) that leaves no room for them";
  try {
    lender = outgoing_loans_.lender();
  } catch (const std::system_error& error) {
    why = error.what();
  }
  if (lender == nullptr) {
    throw LoanError("the link to " + options_.peer.name + " has no loans: " + why +
                    "; send a std::vector instead, which is copied");
  }
  const std::size_t bytes = count * size;
  std::shared_ptr<link::OwnLoan> loan;
  try {
    loan = link::lend(lender, bytes);
  } catch (const std::system_error& error) {
    throw LoanError("no loan of " + std::to_string(bytes) + " bytes on the link to " + options_.peer.name + ": " +
                    error.what() + "; send a std::vector instead, which is copied");
  }
  if (loan == nullptr) {
    const auto now = lender->counts();
    throw LoanError("no room for a loan of " + std::to_string(bytes) + " bytes: of the " +
                    std::to_string(lender->space()) + " that the link to " + options_.peer.name + " can lend, " +
                    std::to_string(now.lent.bytes) + " in " + std::to_string(now.lent.loans) + " loans are out, and " +
                    std::to_string(now.held.bytes) + " in " + std::to_string(now.held.loans) +
                    " are held here; wait until the peer has dropped some, send a std::vector instead, or raise "
                    "LinkOptions::loan_bytes");
  }
  LoanHandle handle(std::move(loan));
  handle.track_handle();
  return handle;
}

// ---- a message that leaves ----

std::shared_ptr<link::Lender> OutgoingLoans::lender() {
  auto lender = transport_.lender();
  if (used_.expired()) used_ = lender;
  return lender;
}

/// Null where there is none, or none can be had at this moment: then everything is copied.
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
  if (own->number) return own->number;                                     // a codec that writes it twice
  if (!own->is_own()) return copy(lender, handle.data(), handle.bytes());  // a share of what the peer has
  return add(own);
}

std::optional<std::uint32_t> OutgoingLoans::lend_copy(const void* data, std::size_t bytes) {
  if (!options_.automatic_loans || transport_.peer_copies_loans()) return std::nullopt;
  const auto lender = try_lender();
  if (lender == nullptr) return std::nullopt;
  // What the peer does not receive has to push back on the sender, as it does by the ring.
  const std::size_t most = options_.max_queued_bytes;
  if (bytes > most) return std::nullopt;
  if (lender->counts().lent.bytes > most - bytes) {
    lender->look(kLooksForRoom);
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

// ---- a message that comes ----

/// Only for whether the inbox is full: the peer may be changing what is read here.
std::size_t Core::stated_loan_cost(std::span<const std::byte> payload) noexcept {
  const std::size_t count = link::count_references(payload);
  std::size_t cost = count * kLoanCost;
  for (std::size_t i = 0; i < count; ++i)
    cost += std::min<std::uint64_t>(link::read_reference(payload, count, i).bytes, link::kMostLoanBytes);
  return cost;
}

/// Takes hold of what the payload, a private copy, refers to. Where it throws, the entry is as it was.
std::vector<std::shared_ptr<LoanHold>> Core::find_loans(const Entry& entry) const {
  link::Borrower* const borrower = transport_->borrower();
  if (borrower == nullptr) protocol_error("it sent a message with loans, and the link has none");
  const std::span<const std::byte> payload = entry.payload.span();
  const std::size_t count = link::count_references(payload);
  if (count == 0) protocol_error("it sent a message whose list of loans is none");
  std::size_t most = options_.link.max_message_bytes - payload.size();
  std::vector<std::shared_ptr<LoanHold>> loans;
  for (std::size_t i = 0; i < count; ++i) {
    const link::LoanReference reference = link::read_reference(payload, count, i);
    if (!borrower->shape().holds(reference)) protocol_error("it lent memory that it does not have");
    if (most < kLoanCost || reference.bytes > most - kLoanCost)
      protocol_error("it sent a message over the limit, with what it lent");
    most -= reference.bytes + kLoanCost;
    if (i == 0) loans.reserve(count);
    loans.push_back(borrow(*borrower, reference));
  }
  transport_->set_copies_loans(borrower->copies());
  return loans;
}

std::shared_ptr<LoanHold> Core::borrow(link::Borrower& borrower, const link::LoanReference& reference) const {
  try {
    return borrower.borrow(reference);
  } catch (const std::system_error& error) {
    throw_refused("what " + options_.peer.name + " has lent can neither be mapped nor read", error.code().value(),
                  error.what());
  }
}

/// The entry is a message that is taken: what it refers to is this end's until it is dropped.
void Core::keep_loans(Entry& entry) noexcept {
  for (const auto& loan : entry.loans) static_cast<link::ReceivedLoan&>(*loan).begin();
  step("drain: loans taken");
}

}  // namespace coproc::inline v0::detail
