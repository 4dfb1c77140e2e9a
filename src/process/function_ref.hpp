// A reference to a callable, for the length of one call.
//
// Thread safety: a value.
// Invariants: what it refers to must outlive every use: name the lambda first, then make the FunctionRef.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace coproc::inline v0::process {

template <class Signature>
class FunctionRef;

template <class Result, class... Arguments>
class FunctionRef<Result(Arguments...)> {
 public:
  FunctionRef() noexcept = default;
  template <class Callable>
    requires(!std::same_as<std::remove_cvref_t<Callable>, FunctionRef> &&
             std::is_invocable_r_v<Result, Callable&, Arguments...>)
  FunctionRef(Callable&& callable) noexcept  // NOLINT: implicit on purpose, as a function's parameter
      // reinterpret_cast, since it may also be a function.
      : object_(reinterpret_cast<const void*>(std::addressof(callable))),
        call_([](const void* object, Arguments... arguments) -> Result {
          auto* const original = reinterpret_cast<std::remove_reference_t<Callable>*>(const_cast<void*>(object));
          return (*original)(std::forward<Arguments>(arguments)...);
        }) {}

  explicit operator bool() const noexcept { return call_ != nullptr; }
  Result operator()(Arguments... arguments) const { return call_(object_, std::forward<Arguments>(arguments)...); }

 private:
  const void* object_ = nullptr;
  Result (*call_)(const void*, Arguments...) = nullptr;
};

}  // namespace coproc::inline v0::process
