// What a message on its way out lends: gathered while it is encoded, named at its end, handed over once it is out.
//
// Thread safety: none; the core's.
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

/// What a loan counts, in a message and in an inbox, besides its bytes: about what it takes in its receiver's memory.
inline constexpr std::size_t kLoanCost = 128;

class OutgoingLoans final : public LoanWriter {
 public:
  OutgoingLoans(link::Link& transport, const LinkOptions& options) noexcept
      : transport_(transport), options_(options) {}

  /// One message: what was not handed over when it ends stays whose it was.
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
    /// The value is encoded: the references follow. Throws MessageTooLargeError.
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

  /// Throws std::system_error. Null: the link has none.
  std::shared_ptr<link::Lender> lender();
  /// The peer has ended. What it was lent goes back to the system.
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

  link::Link& transport_;
  const LinkOptions& options_;
  std::weak_ptr<link::Lender> used_;                   // the transport's, once it has been made
  std::vector<std::shared_ptr<link::OwnLoan>> loans_;  // by their numbers in the message
  std::size_t bytes_ = 0;
};

}  // namespace coproc::inline v0::detail
