// The loans of a message that is being sent. They are collected while it is encoded, written as references at the end
// of the payload, and handed over to the peer when the frame is published.
//
// Thread safety: none; one thread at a time, which Core ensures.
// Invariants: `loans_` is empty unless a Message exists. A loan's `number` is set while the loan is in `loans_`, and is
// its index there. `bytes_` is the sum of the loans' sizes.
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

/// The bytes that a loan counts besides its own, in a message and in an inbox. It is about the memory that the receiver
/// needs for it.
inline constexpr std::size_t kLoanCost = 128;

class OutgoingLoans final : public LoanWriter {
 public:
  OutgoingLoans(link::Link& link, const LinkOptions& options) noexcept : link_(link), options_(options) {}

  /// The scope of one message. If its loans are not handed over before the destructor, they stay with their owners.
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
    /// Writes the references behind the encoded value and sets the flag. Throws MessageTooLargeError.
    void finish(link::FrameHeader& header) const {
      if (!loans_.loans_.empty()) loans_.finish(encoder_, header);
    }
    /// Hands the loans over to the peer. Call when the frame has been published.
    void hand_over() const noexcept {
      if (!loans_.loans_.empty()) loans_.hand_over();
    }

   private:
    OutgoingLoans& loans_;
    Encoder& encoder_;
  };

  /// The link's lender, or null if the link has no loans. Throws std::system_error.
  std::shared_ptr<link::Lender> lender();
  /// Returns all lent memory to the system. Call when the peer has ended.
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
  std::weak_ptr<link::Lender> used_;                   // the link's lender, once lender() has made it
  std::vector<std::shared_ptr<link::OwnLoan>> loans_;  // by their numbers in the message
  std::size_t bytes_ = 0;
};

}  // namespace coproc::inline v0::detail
