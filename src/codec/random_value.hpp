// For tests: random values of every type that can be sent.
#pragma once

#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <utility>

#include "coproc/codec.hpp"

namespace coproc::inline v0::test {

class RandomValues {
 public:
  explicit RandomValues(unsigned seed) : engine_(seed) {}

  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(engine_); }

  template <class T>
  T make() {
    using detail::Kind;
    constexpr Kind kind = detail::kKind<T>;
    if constexpr (std::is_same_v<T, bool>) {
      return below(2) == 1;
    } else if constexpr (kind == Kind::scalar) {
      switch (below(4)) {
        case 0:
          return std::numeric_limits<T>::lowest();
        case 1:
          return std::numeric_limits<T>::max();
        default:
          return static_cast<T>(engine_());  // never a NaN, which would not equal itself
      }
    } else if constexpr (kind == Kind::enumeration) {
      return static_cast<T>(make<std::underlying_type_t<T>>());
    } else if constexpr (kind == Kind::tuple) {
      return make_tuple<T>(detail::parts_of<T>());
    } else if constexpr (kind == Kind::duration) {
      return T(make<typename T::rep>());
    } else if constexpr (kind == Kind::path) {
      return T(make<typename T::string_type>());
    } else if constexpr (kind == Kind::time_point) {
      return T(make<typename T::duration>());
    } else if constexpr (kind == Kind::complex) {
      return T(make<typename T::value_type>(), make<typename T::value_type>());
    } else {
      T value{};
      fill(value);
      return value;
    }
  }

 private:
  template <class T, class... Part>
  T make_tuple(detail::Types<Part...>) {
    return T{make<Part>()...};
  }
  template <class T>
  void fill(T& value) {
    using detail::Kind;
    constexpr Kind kind = detail::kKind<T>;
    if constexpr (kind == Kind::aggregate) {
      ++depth_;
      detail::visit_fields(value, [&](auto&... field) { (assign(field), ...); });
      --depth_;
    } else if constexpr (kind == Kind::array) {
      for (auto& element : value) assign(element);
    } else if constexpr (kind == Kind::optional) {
      if (below(2) == 1) value = make<typename T::value_type>();
    } else if constexpr (kind == Kind::variant) {
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        const std::size_t chosen = below(sizeof...(I));
        ((chosen == I ? (value.template emplace<I>(make<std::variant_alternative_t<I, T>>()), 0) : 0), ...);
      }(std::make_index_sequence<std::variant_size_v<T>>());
    } else {
      const std::size_t count = depth_ > 3 ? 0 : below(5);
      for (std::size_t i = 0; i < count; ++i) {
        if constexpr (kind == Kind::map) {
          auto key = make<typename T::key_type>();
          value.emplace(std::move(key), make<typename T::mapped_type>());
        } else if constexpr (kind == Kind::set) {
          value.insert(make<typename T::key_type>());
        } else if constexpr (detail::ForwardListLike<T>) {
          value.push_front(make<typename T::value_type>());
        } else {
          value.push_back(make<typename T::value_type>());
        }
      }
    }
  }
  template <class F>
  void assign(F& field) {
    if constexpr (std::is_array_v<F>) {
      for (auto& element : field) assign(element);
    } else {
      field = make<F>();
    }
  }

  std::mt19937_64 engine_;
  int depth_ = 0;
};

}  // namespace coproc::inline v0::test
