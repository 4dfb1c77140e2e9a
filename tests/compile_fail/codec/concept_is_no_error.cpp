// expect: success
// The control: refusal is a concept, so that an overload for what cannot be sent is possible.
#include "coproc/codec.hpp"
struct Data {
  int* value;
};
template <class T>
constexpr bool is_refused(const T&) {
  return true;
}
template <coproc::Encodable T>
constexpr bool is_refused(const T&) {
  return false;
}
static_assert(is_refused(Data{}) && !is_refused(1) && !is_refused("text"));
