#include "link/borrower.hpp"

#include <system_error>
#include <utility>

#include "os/fork_guard.hpp"

namespace coproc::inline v0::link {

namespace {

class BorrowedLoan final : public ReceivedLoan {
 public:
  BorrowedLoan(std::shared_ptr<LoanArea> area, const LoanReference& reference) noexcept
      : ReceivedLoan(area->at(reference.offset), reference.bytes),
        area_(std::move(area)),
        borrowed_{reference.offset, reference.bytes},
        slot_(reference.slot),
        generation_(reference.generation) {}
  BorrowedLoan(const BorrowedLoan&) = delete;
  BorrowedLoan& operator=(const BorrowedLoan&) = delete;
  ~BorrowedLoan() override {
    if (has_begun_ && area_->is_own_process()) area_->end(borrowed_, slot_, generation_);
  }
  bool is_here() const noexcept override { return area_->is_own_process(); }
  void begin() noexcept override {
    area_->begin(borrowed_);
    has_begun_ = true;
  }

 private:
  std::shared_ptr<LoanArea> area_;
  LoanArea::Borrowed borrowed_;
  std::uint32_t slot_;
  std::uint32_t generation_;
  bool has_begun_ = false;
};

/// Ordinary memory that a loan was copied into. The peer has its own block back as soon as the message is taken.
class CopiedLoan final : public ReceivedLoan {
 public:
  CopiedLoan(detail::LoanHandle copy, std::weak_ptr<LinkMemory> memory, int from, const LoanReference& reference)
      : ReceivedLoan(copy.raw_data(), copy.bytes()),
        copy_(std::move(copy)),
        memory_(std::move(memory)),
        from_(from),
        slot_(reference.slot),
        generation_(reference.generation) {}
  bool is_here() const noexcept override { return true; }
  void begin() noexcept override {
    const os::ForkLock no_fork;  // or else a child would keep the memory that is held here for a moment
    if (const auto memory = memory_.lock()) memory->return_unmapped(from_, slot_, generation_);
    memory_.reset();
  }

 private:
  detail::LoanHandle copy_;
  std::weak_ptr<LinkMemory> memory_;  // empty once it is given back
  int from_;
  std::uint32_t slot_;
  std::uint32_t generation_;
};

}  // namespace

const std::shared_ptr<LoanArea>& Borrower::area() {
  if (area_ == nullptr) area_ = memory_->loans(from_);
  return area_;
}

std::shared_ptr<ReceivedLoan> Borrower::borrow(const LoanReference& reference) {
  try {
    area()->reach(reference.offset + reference.bytes);
    auto loan = std::make_shared<BorrowedLoan>(area_, reference);
    copies_ = false;
    return loan;
  } catch (const std::system_error&) {
    // There is no room for a mapping of the whole area. There may be room for a mapping of this loan alone.
  }
  detail::LoanHandle copy = detail::make_private_loan(reference.bytes);
  memory_->read_unmapped(from_, reference.offset, {copy.raw_data(), copy.bytes()});
  copies_ = true;
  return std::make_shared<CopiedLoan>(std::move(copy), memory_, from_, reference);
}

}  // namespace coproc::inline v0::link
