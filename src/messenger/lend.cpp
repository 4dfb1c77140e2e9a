// Lends memory to the user, who fills it and sends it without a copy.
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "link/lender.hpp"
#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

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
  std::string why =
      "its memory was made under a limit of file sizes (RLIMIT_FSIZE) that leaves no room for "
      "them, or its two ends are on different machines";
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

}  // namespace coproc::inline v0::detail
