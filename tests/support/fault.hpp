// Fault injection by counting: makes the first system call fail, then the second, and so on until none is left to fail,
// and checks each time that nothing is left behind.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <exception>
#include <string>

#include "os/fault.hpp"
#include "support/hygiene.hpp"

namespace support {

inline constexpr std::uint64_t kMostCalls = 1000;

/// Runs `body` with its Nth system call failing with `error_number`, for N = 1, 2, ... until it makes fewer than N
/// calls. The body may throw a std::exception or cope; either way it has to leave nothing behind, and without a failure
/// it must not throw. Returns how many calls were made to fail; a body without any is a failure of the test.
template <class Body>
std::uint64_t fail_each_system_call(int error_number, Body body) {
  for (std::uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE("system call number " + std::to_string(nth) + " fails with errno " + std::to_string(error_number));
    const Holdings before = Holdings::now();
    std::string thrown;
    coproc::os::arm_fault(nth, error_number);
    try {
      body();
    } catch (const std::exception& error) {
      thrown = error.what();
    }
    const std::uint64_t calls = coproc::os::disarm_fault();
    EXPECT_EQ(lasting_difference(before), "") << "it threw: " << thrown;
    // A process that the body forks counts for itself, and its failure may be thrown here. So this ends only when
    // neither process has a call left to fail.
    if (calls < nth && thrown.empty()) {
      EXPECT_GT(nth, 1U) << "the body makes no system call: this test tests nothing";
      return nth - 1;
    }
    if (nth == kMostCalls) {
      ADD_FAILURE() << "it throws although no system call was made to fail: " << thrown;
      return nth;
    }
    if (testing::Test::HasFailure()) return nth;
  }
}

}  // namespace support
