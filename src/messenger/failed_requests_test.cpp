#include "messenger/failed_requests.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

using coproc::RequestId;
using coproc::detail::FailedRequests;

namespace {

std::exception_ptr error(const std::string& text) { return std::make_exception_ptr(std::runtime_error(text)); }

std::string text_of(const std::exception_ptr& error) {
  if (error == nullptr) return "none";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
}

}  // namespace

TEST(FailedRequests, EachIsToldOnceByTheErrorOfItsEnd) {
  FailedRequests failed;
  failed.add({RequestId{1}, RequestId{3}}, error("first"));
  failed.add({RequestId{4}}, error("second"));
  EXPECT_EQ(text_of(failed.take(RequestId{2})), "none");
  EXPECT_EQ(text_of(failed.take(RequestId{3})), "first");
  EXPECT_EQ(text_of(failed.take(RequestId{3})), "none");
  EXPECT_EQ(text_of(failed.take(RequestId{4})), "second");
  EXPECT_EQ(text_of(failed.take(RequestId{1})), "first");
}

TEST(FailedRequests, OfOldEndsAreForgotten) {
  FailedRequests failed;
  for (std::uint64_t id = 1; id <= FailedRequests::kMostEnds + 1; ++id) {
    failed.add({RequestId{id}}, error(std::to_string(id)));
    failed.add({}, error("of an end with no requests"));
  }
  EXPECT_EQ(text_of(failed.take(RequestId{1})), "none");
  EXPECT_EQ(text_of(failed.take(RequestId{2})), "2");
}
