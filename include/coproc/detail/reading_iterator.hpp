// The iterator of ranges that are read once, and whose elements arrive while they are read: the replies of
// `receive_remaining` and `map_messages`, and the results of pools.
//
// The law of these ranges: the comparison with `end()` waits for the next element, and throws what ends the wait. `*`
// returns the element and may be repeated; it throws the error that stands in the element's place. `++` drops the
// element. Both `*` and `++` wait, too, where the element was not waited for by a comparison. After an exception a new
// loop continues behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace coproc::inline v0::detail {

struct EndOfReading {};

/// A View has `fetch()`, which waits for an element and returns false when there are no more; `value()`, which returns
/// the present element or throws its error; `drop()`; and perhaps `index()` and `worker()`.
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

  /// The reference is valid until `++`.
  value_type& operator*() const { return view_->value(); }
  value_type* operator->() const { return &view_->value(); }
  ReadingIterator& operator++() {
    view_->fetch();
    view_->drop();
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(EndOfReading) const { return !view_->fetch(); }

  /// The index in the input, from 0 on, of the argument or request that the present element answers.
  std::uint64_t index() const { return view_->index(); }
  /// The index in its pool of the worker that has answered.
  std::size_t worker() const { return view_->worker(); }

 private:
  View* view_ = nullptr;
};

}  // namespace coproc::inline v0::detail
