#include "worker/restored.hpp"

#include <cstring>
#include <string>
#include <utility>

#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "coproc/this_worker.hpp"

namespace coproc::inline v0 {

namespace {

// Not destroyed at the end of the process, where another thread may still ask for it.
std::shared_ptr<const detail::SavedState>& restored_state() noexcept {
  static auto* const state = new std::shared_ptr<const detail::SavedState>;
  return *state;
}
std::size_t max_allocation_of_restored = 0;

}  // namespace

void set_restored(std::shared_ptr<const detail::SavedState> state, std::size_t max_allocation) noexcept {
  restored_state() = std::move(state);
  max_allocation_of_restored = max_allocation;
}

bool detail::restore(const Incoming& to) {
  const SavedState* const state = restored_state().get();
  if (state == nullptr) return false;
  const TypeInfo& wanted = *to.traits->type;
  if (state->type->id != wanted.id) {
    throw TypeMismatchError("this_worker::restored: asked for " + wanted.describe() + ", but the worker before saved " +
                            in_one_line(state->type->description) + ": ask for that type");
  }
  try {
    if (to.traits->block != 0 && state->bytes.size() == to.traits->block) {
      std::memcpy(to.place_of_block(), state->bytes.data(), to.traits->block);
      return true;
    }
    Decoder decoder(state->bytes.span(), max_allocation_of_restored);
    to.traits->decode(decoder, to.out);
    decoder.finish();
    return true;
  } catch (const DecodeError& error) {
    to.traits->clear(to.out);
    throw DecodeError("this_worker::restored: the state that the worker before saved is no " + wanted.describe() +
                      " that can be read: " + error.what());
  }
}

}  // namespace coproc::inline v0
