// The functions of span.hpp.
#include "coproc/span.hpp"

#include "link/event_places.hpp"

namespace coproc::inline v0 {

static_assert(link::kEventPlaces == 2);

Span::Span(std::string_view name) noexcept { id_ = link::begin_span(name, names_); }

Span::~Span() {
  if (id_ != 0) link::end_span(id_, names_);
}

void mark(std::string_view name) noexcept { link::note_mark(name); }

}  // namespace coproc::inline v0
