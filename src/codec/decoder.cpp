#include "coproc/decoder.hpp"

#include <string>

#include "coproc/errors.hpp"

namespace coproc::inline v0 {

void Decoder::fail(std::string_view why) const {
  throw DecodeError("a message's bytes do not make a value: " + std::string(why) + ", at byte " +
                    std::to_string(at_ - begin_) + " of " + std::to_string(end_ - begin_) +
                    "; build both programs with the same definition of its type, and check its codec");
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
