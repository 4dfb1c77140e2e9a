// The loans of a message that is being sent. They are gathered while it is encoded, written as references at its end,
// and handed over to the peer once its frame is out.
//
// Thread safety: none; the core's. Invariants: between two messages `loans_` is empty. A loan's `number` is set while
// it is in `loans_`, and is its place there; `bytes_` is the sum of their sizes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "coproc/encoder.hpp"
#include "coproc/options.hpp"
#include "link/frame.hpp"
#include "link/lender.hpp"
#include "link/link.hpp"

namespace coproc::inline v0::detail {

/// How much a loan counts, besides its bytes, in a message and in an inbox: about the memory that its receiver needs
/// for it.
inline constexpr std::size_t kLoanCost = 128;

class OutgoingLoans final : public LoanWriter {
 public:
  OutgoingLoans(link::Link& link, const LinkOptions& options) noexcept : link_(link), options_(options) {}

  /// One message. Loans that were not handed over before its destructor stay with their owners.
  class Message {
   public:
    Message(OutgoingLoans& loans, Encoder& encoder) noexcept : loans_(loans), encoder_(encoder) {
      encoder.lend_through(loans);
    }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;
    ~Message() {
      if (!loans_.loans_.empty()) loans_.clear();
    }
    /// Writes the references behind the encoded value. Throws MessageTooLargeError.
    void finish(link::FrameHeader& header) const {
      if (!loans_.loans_.empty()) loans_.finish(encoder_, header);
    }
    /// The frame is out.
    void hand_over() const noexcept {
      if (!loans_.loans_.empty()) loans_.hand_over();
    }

   private:
    OutgoingLoans& loans_;
    Encoder& encoder_;
  };

  /// The link's lender, or null: the link has no loans. Throws std::system_error.
  std::shared_ptr<link::Lender> lender();
  /// The peer has ended: all that it was lent goes back to the system.
  void retire() noexcept {
    if (const auto used = used_.lock()) used->retire();
  }

  std::optional<std::uint32_t> lend(const LoanHandle& handle) override;
  std::optional<std::uint32_t> lend_copy(const void* data, std::size_t bytes) override;
  std::size_t lent_bytes() const noexcept override { return bytes_ + loans_.size() * kLoanCost; }

 private:
  std::shared_ptr<link::Lender> try_lender() noexcept;
  std::optional<std::uint32_t> copy(const std::shared_ptr<link::Lender>& lender, const void* data, std::size_t bytes);
  std::uint32_t add(std::shared_ptr<link::OwnLoan> loan);
  void finish(Encoder& encoder, link::FrameHeader& header) const;
  void hand_over() noexcept;
  void clear() noexcept;

  link::Link& link_;
  const LinkOptions& options_;
  std::weak_ptr<link::Lender> used_;                   // the link's, once it has been made
  std::vector<std::shared_ptr<link::OwnLoan>> loans_;  // in the order of their numbers in the message
  std::size_t bytes_ = 0;
};

}  // namespace coproc::inline v0::detail
