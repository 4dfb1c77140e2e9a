// Reads a range's elements one by one, no further than is asked.
#pragma once

#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

namespace coproc::inline v0::detail {

/// `Held`: the range, or a reference to it. Stays where it is, for it keeps iterators.
///
/// Thread safety: none.
template <class Held>
class RangeReader {
  using Iterator = decltype(std::begin(std::declval<std::remove_reference_t<Held>&>()));

 public:
  explicit RangeReader(Held&& range) : range_(std::forward<Held>(range)) {}
  RangeReader(const RangeReader&) = delete;
  RangeReader& operator=(const RangeReader&) = delete;

  /// Goes to the first, or the next, element; false: there is none. Throws what the range throws.
  bool next() {
    if (!at_) at_.emplace(std::begin(range_));
    if (is_at_element_)
      ++*at_;  // now and not before: a range that waits for an element keeps nobody waiting for the one before
    is_at_element_ = *at_ != std::end(range_);
    return is_at_element_;
  }
  decltype(auto) operator*() { return **at_; }

 private:
  Held range_;
  std::optional<Iterator> at_;
  bool is_at_element_ = false;
};

}  // namespace coproc::inline v0::detail
