#include "messenger/incoming_loans.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "link/borrower.hpp"
#include "link/loan_reference.hpp"
#include "messenger/outgoing_loans.hpp"
#include "messenger/refused.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

std::size_t IncomingLoans::stated_cost(std::span<const std::byte> payload) noexcept {
  const std::size_t count = link::count_references(payload);
  std::size_t cost = count * kLoanCost;
  for (std::size_t i = 0; i < count; ++i)
    cost += std::min<std::uint64_t>(link::read_reference(payload, count, i).bytes, link::kMostLoanBytes);
  return cost;
}

std::size_t IncomingLoans::cost_of(std::span<const std::shared_ptr<LoanHold>> loans) noexcept {
  std::size_t cost = loans.size() * kLoanCost;
  for (const auto& loan : loans) cost += loan->bytes;
  return cost;
}

std::vector<std::shared_ptr<LoanHold>> IncomingLoans::find(const Entry& entry) const {
  link::Borrower* const borrower = link_ == nullptr ? nullptr : link_->borrower();
  if (borrower == nullptr) peer_.throw_broken_rule("it sent a message with loans, and the link has none");
  const std::span<const std::byte> payload = entry.payload.span();
  const std::size_t count = link::count_references(payload);
  if (count == 0) peer_.throw_broken_rule("it sent a message whose list of loans is none");
  std::size_t most = max_message_bytes_ - payload.size();
  std::vector<std::shared_ptr<LoanHold>> loans;
  for (std::size_t i = 0; i < count; ++i) {
    const link::LoanReference reference = link::read_reference(payload, count, i);
    if (!borrower->shape().holds(reference)) peer_.throw_broken_rule("it lent memory that it does not have");
    if (most < kLoanCost || reference.bytes > most - kLoanCost)
      peer_.throw_broken_rule("it sent a message over the limit, with what it lent");
    most -= reference.bytes + kLoanCost;
    if (i == 0) loans.reserve(count);
    try {
      loans.push_back(borrower->borrow(reference));
    } catch (const std::system_error& error) {
      throw_refused("what " + peer_.name + " has lent can neither be mapped nor read", error.code().value(),
                    error.what());
    }
  }
  link_->set_copies_loans(borrower->copies());
  return loans;
}

void IncomingLoans::attach(Entry& entry, std::vector<std::shared_ptr<LoanHold>> loans) noexcept {
  entry.payload.resize_uninitialized(entry.payload.size() - link::trailer_bytes(loans.size()));
  entry.loan_cost = cost_of(loans);
  entry.loans = std::move(loans);
}

void IncomingLoans::keep(const Entry& entry) noexcept {
  for (const auto& loan : entry.loans) static_cast<link::ReceivedLoan&>(*loan).begin();
  step("drain: loans taken");
}

}  // namespace coproc::inline v0::detail
