#include "coproc/decoder.hpp"

#include <string>

#include "coproc/errors.hpp"

namespace coproc::inline v0 {

void Decoder::fail(std::string_view why) const {
  throw DecodeError("a message's bytes do not make a value: " + std::string(why) + ", at byte " +
                    std::to_string(at_ - begin_) + " of " + std::to_string(end_ - begin_) +
                    "; build both programs with the same definition of its type, and check its codec");
}

const std::shared_ptr<detail::LoanHold>& Decoder::lent_block(std::uint64_t count, std::size_t size) {
  const auto number = scalar<std::uint32_t>();
  if (number >= loans_.size()) {
    fail("it refers to loan " + std::to_string(number) + " of " + std::to_string(loans_.size()));
  }
  const std::shared_ptr<detail::LoanHold>& loan = loans_[number];
  if (!loan->is_here()) detail::LoanHandle::throw_not_here();
  if (lent_count(count) != loan->bytes / size || loan->bytes % size != 0) {
    fail("a loan of " + std::to_string(loan->bytes) + " bytes is said to hold " + std::to_string(lent_count(count)) +
         " elements of " + std::to_string(size));
  }
  return loan;
}

detail::LoanHandle Decoder::shared_block(std::size_t size) {
  const std::uint64_t count = scalar<std::uint64_t>();
  if ((count & detail::kLentBit) != 0) return detail::LoanHandle(lent_block(count, size));
  if (count > remaining() / size) fail_length(count);
  if (count == 0) return {};
  charge(count, size);
  detail::LoanHandle copy = detail::make_private_loan(static_cast<std::size_t>(count) * size);
  bytes(copy.data(), copy.bytes());
  return copy;
}

void Decoder::fail_missing(std::size_t wanted) const {
  fail(std::to_string(wanted) + " bytes were expected and " + std::to_string(remaining()) + " are left");
}

void Decoder::fail_bool(unsigned value) const {
  fail("a bool or flag holds " + std::to_string(value) + ", neither 0 nor 1");
}

void Decoder::fail_length(std::uint64_t count) const {
  fail("a length of " + std::to_string(count) + " is stated and only " + std::to_string(remaining()) +
       " bytes are left");
}

void Decoder::fail_allocation(std::uint64_t count, std::size_t size) const {
  fail(std::to_string(count) + " elements of " + std::to_string(size) + " bytes would take more memory than the " +
       std::to_string(budget_) + " bytes that are still allowed for it");
}

void Decoder::fail_trailing() const { fail(std::to_string(remaining()) + " bytes are left over"); }

void Decoder::fail_depth() const {
  fail("it is nested more than " + std::to_string(detail::kMaxDepth) + " levels deep");
}

}  // namespace coproc::inline v0
