// Reads the elements of a range one by one, and no further than is asked.
#pragma once

#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

namespace coproc::inline v0::detail {

/// `Held` is the range or a reference to it. The object cannot be moved, since it keeps iterators.
///
/// Thread safety: none.
template <class Held>
class RangeReader {
  using Iterator = decltype(std::begin(std::declval<std::remove_reference_t<Held>&>()));

 public:
  explicit RangeReader(Held&& range) : range_(std::forward<Held>(range)) {}
  RangeReader(const RangeReader&) = delete;
  RangeReader& operator=(const RangeReader&) = delete;

  /// Goes to the first, or to the next, element, and returns false if there is none. Throws the exceptions of the
  /// range.
  bool next() {
    if (!at_) at_.emplace(std::begin(range_));
    if (is_at_element_)
      ++*at_;  // only now, so that a range that waits for its next element does not delay the present one
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
