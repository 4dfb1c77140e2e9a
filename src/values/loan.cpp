// The parts of loans that codecs use: destructors, and ordinary memory for contents that cannot be lent.
#include "coproc/detail/loan.hpp"

#include <new>

#include "coproc/errors.hpp"

namespace coproc::inline v0::detail {

LoanHold::~LoanHold() = default;

void LoanHandle::throw_not_here() {
  throw NotOwnerError(
      "this SharedBuffer, or the large values of this message, belong to the process that this one was forked from, "
      "and "
      "their memory is not there in a forked process: copy what is needed before the fork, or send it to the worker");
}

namespace {

constexpr std::align_val_t kAlignment{4096};  // as of loans

class PrivateLoan final : public LoanHold {
 public:
  explicit PrivateLoan(std::size_t size) : LoanHold(static_cast<std::byte*>(::operator new(size, kAlignment)), size) {}
  PrivateLoan(const PrivateLoan&) = delete;
  PrivateLoan& operator=(const PrivateLoan&) = delete;
  ~PrivateLoan() override { ::operator delete(data, kAlignment); }
  bool is_here() const noexcept override { return true; }
};

}  // namespace

LoanHandle make_private_loan(std::size_t bytes) { return LoanHandle(std::make_shared<PrivateLoan>(bytes)); }

}  // namespace coproc::inline v0::detail
