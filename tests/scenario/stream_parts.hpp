// All parts of a stream, and what they are compared with.
//
// Thread safety: free functions.
#pragma once

#include <coproc/stream.hpp>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

template <class T>
std::vector<T> all_of(coproc::Stream<T>& stream) {
  std::vector<T> all;
  for (T& part : stream) all.push_back(std::move(part));
  return all;
}

inline std::vector<int> numbers_below(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}
