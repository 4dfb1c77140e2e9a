// The iterator of ranges that are read once, and whose elements come while they are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace coproc::inline v0::detail {

struct EndOfReading {};

/// Of a View with `fetch()` (waits for an element; false: there are no more), `value()` (the present one, or throws instead of it),
/// `drop()`, and perhaps `index()` and `worker()`.
template <class View>
class ReadingIterator {
 public:
  using value_type = typename View::value_type;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  ReadingIterator() = default;
  explicit ReadingIterator(View& view) : view_(&view) {}
  ReadingIterator(ReadingIterator&&) = default;
  ReadingIterator& operator=(ReadingIterator&&) = default;

  /// The reference is good until `++`.
  value_type& operator*() const { return view_->value(); }
  value_type* operator->() const { return &view_->value(); }
  /// Also of an element that was not looked at.
  ReadingIterator& operator++() {
    view_->fetch();
    view_->drop();
    return *this;
  }
  void operator++(int) { ++*this; }
  /// Waits for the next element.
  bool operator==(EndOfReading) const { return !view_->fetch(); }

  /// The place in the input, from 0 on, of what the present element is the answer to.
  std::uint64_t index() const { return view_->index(); }
  /// The worker that has answered, as a place in its pool.
  std::size_t worker() const { return view_->worker(); }

 private:
  View* view_ = nullptr;
};

}  // namespace coproc::inline v0::detail
