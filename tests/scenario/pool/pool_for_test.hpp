// What the tests of pools share.
//
// Thread safety: free functions.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <coproc/coproc.hpp>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "support/process.hpp"
#include "support/temporary_file.hpp"

namespace pool_test {

inline int square(int x) { return x * x; }

/// Waits until a file has something in it.
inline int wait_for(const std::string& path) {
  while (std::ifstream(path).peek() == EOF) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return 1;
}
/// Drives until this task has left its mark, and so has begun.
template <class T>
void drive_until_begun(coproc::Task<T>& task, const std::string& path) {
  while (std::ifstream(path).peek() == EOF) ASSERT_FALSE(task.wait_for(std::chrono::milliseconds(1)));
}
inline int leave_mark(const std::string& path) {
  std::ofstream(path, std::ios::app) << "x" << std::flush;
  return 2;
}
inline int write_and_hang(const std::string& path) {
  leave_mark(path);
  support::sleep_for_ever();
}

inline std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// The pool can still be used, and nothing of before comes out of it.
template <class State>
void expect_usable(coproc::Pool<State>& pool) {
  const std::vector<int> squares = pool.map(square, numbers(100));
  ASSERT_EQ(squares.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
}

}  // namespace pool_test
