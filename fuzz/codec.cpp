// No bytes do harm to the decoder, for any kind of type. A value that is decoded takes no more memory than is allowed,
// and is the same after it was encoded and decoded once more.
#include "coproc/codec.hpp"

#include <array>
#include <chrono>
#include <complex>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "check.hpp"
#include "coproc/errors.hpp"
#include "input.hpp"

namespace fuzz {
namespace {

using namespace std::chrono;

enum class Color : std::uint8_t { red, green };
enum class Flag : bool { off, on };
struct Point {
  float x, y;
};
struct Padded {
  char c;
  int i;
};
struct Flags {
  bool a, b;
};
struct Empty {};
struct Everything {
  Point points[2];
  Padded grid[2][3];
  std::string text;
  std::optional<Point> maybe;
  std::array<Flag, 2> flags;
  Color color = Color::green;
  double precise = 1;
};
struct Outer {
  Everything first;
  std::vector<Everything> rest;
  std::tuple<Padded, std::pair<int, std::string>> pair;
};
struct Tree {
  int value = 0;
  std::vector<Tree> children;
};
struct Json {
  std::variant<std::monostate, bool, double, std::string, std::vector<Json>, std::map<std::string, Json>> value;
};
class Listed {  // lists its fields, in another order than memory has them
  int number_ = 0;
  std::string text_;

 public:
  static constexpr auto coproc_fields = std::tuple(&Listed::text_, &Listed::number_);
};
struct Even {  // has a codec of its own
  std::uint32_t half = 0;
};

}  // namespace
}  // namespace fuzz

template <>
struct coproc::Codec<fuzz::Even> {
  static constexpr std::string_view name = "Even";
  static void encode(Encoder& encoder, const fuzz::Even& even) { coproc::encode(encoder, even.half * 2); }
  static fuzz::Even decode(Decoder& decoder) {
    const auto value = coproc::decode<std::uint32_t>(decoder);
    if (value % 2 != 0) decoder.fail("an odd number");
    return {value / 2};
  }
};

namespace fuzz {
namespace {

/// Compares the encoding of a decoded value with the bytes that it was decoded from.
enum class Sameness {
  exact,  // they are the same
  // The encoding stays the same from then on; in the bytes, elements may have been in another order or double, or
  // padded.
  stable,
  unordered,  // they have the same size
};

template <class T, Sameness S = Sameness::exact>
struct Kind {};
template <class T>
using Stable = Kind<T, Sameness::stable>;
template <class T>
using Unordered = Kind<T, Sameness::unordered>;

template <class... K>
struct List {};
template <class... T>
using Exact = List<Kind<T>...>;

using Numbers = Exact<bool, char, signed char, unsigned short, int, unsigned long, float, double, wchar_t, char8_t,
                      char16_t, char32_t, Color, Flag, std::byte>;
using Sequences =
    Exact<std::string, std::wstring, std::u16string, std::vector<int>, std::vector<bool>, std::vector<Flag>,
          std::vector<std::string>, std::vector<std::vector<std::uint16_t>>, std::deque<std::string>, std::deque<int>,
          std::list<double>, std::forward_list<std::string>, std::array<int, 3>, std::array<std::string, 2>,
          std::array<int, 0>, std::vector<std::array<int, 0>>, std::vector<Empty>, std::list<Empty>>;
using Composites = Exact<std::optional<int>, std::optional<std::optional<bool>>, std::variant<int, std::string, int>,
                         std::variant<std::monostate, std::vector<int>>, std::monostate, std::tuple<>,
                         std::tuple<int, std::string, bool>, std::pair<int, std::string>, nanoseconds, duration<double>,
                         system_clock::time_point, time_point<system_clock, days>, std::filesystem::path,
                         std::complex<float>, std::vector<std::complex<double>>>;
using Aggregates =
    Exact<Point, Padded, Flags, Empty, Everything, Outer, Tree, Listed, Even, std::vector<Point>, std::vector<Padded>,
          std::vector<Flags>, std::deque<Everything>, std::optional<Outer>, std::vector<Even>, std::list<Tree>>;
using Sorted = List<Stable<std::set<int>>, Stable<std::multiset<std::string>>, Stable<std::map<std::string, double>>,
                    Stable<std::multimap<int, int>>, Stable<std::map<int, std::map<int, std::string>>>,
                    Stable<std::map<Color, Everything>>, Stable<Json>, Stable<std::vector<Json>>, Stable<long double>,
                    Stable<std::vector<long double>>, Stable<std::complex<long double>>>;
using Hashed = List<Unordered<std::unordered_set<int>>, Unordered<std::unordered_multiset<int>>,
                    Unordered<std::unordered_map<std::string, std::vector<int>>>,
                    Unordered<std::unordered_multimap<int, std::string>>>;

constexpr std::size_t kMaxAllocation = 64 * 1024;

using Bytes = std::vector<std::byte>;

template <class T>
Bytes encoded(const T& value) {
  coproc::detail::Buffer buffer;
  coproc::Encoder encoder(buffer, 4 * kMaxAllocation);
  coproc::encode(encoder, value);
  const auto written = encoder.written();
  return {written.begin(), written.end()};
}

/// Decodes a value, and returns the number of bytes that it used.
template <class T>
std::size_t decode_one(std::span<const std::byte> bytes, T& value) {
  const std::size_t before = allocated_bytes();
  coproc::Decoder decoder(bytes, kMaxAllocation);
  value = coproc::decode<T>(decoder);
  demand(allocated_bytes() <= before + kMaxAllocation + 1024, "a value takes more memory than is allowed");
  return bytes.size() - decoder.remaining();
}

/// Decodes into a value that already has contents, and reuses its memory.
template <class T>
void decode_over(std::span<const std::byte> bytes, T& value) {
  coproc::Decoder decoder(bytes, kMaxAllocation);
  coproc::decode_into(decoder, value);
  decoder.finish();
}

template <class T, Sameness S>
void try_kind(Kind<T, S>, Input& input) {
  const std::size_t used_size = input.byte();
  T used{};
  try {
    decode_one(input.bytes(used_size), used);
  } catch (const coproc::DecodeError&) {}
  const std::size_t size = input.number<std::uint16_t>();
  const auto bytes = input.bytes(size);
  T value{};
  std::size_t taken = 0;
  try {
    taken = decode_one(bytes, value);
  } catch (const coproc::DecodeError&) {
    try {
      decode_over(bytes, used);
    } catch (const coproc::DecodeError&) {
      return;
    }
    demand(false, "bytes make a value in place and none on their own");
  }
  const Bytes first = encoded(value);
  if constexpr (S == Sameness::exact) {
    demand(std::equal(first.begin(), first.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken)),
           "a value's bytes are not those that it was decoded from");
  }
  decode_over(first, used);
  const Bytes second = encoded(used);
  if constexpr (S == Sameness::unordered) {
    demand(used == value, "an unordered container changed on its way");
    demand(second.size() == first.size(), "an unordered container changed its size on its way");
  } else {
    demand(second == first, "a value changed on its way");
  }
}

template <class... K>
void try_any(List<K...>, std::size_t which, Input& input) {
  std::size_t at = 0;
  ((at++ == which ? try_kind(K(), input) : void()), ...);
}

template <class... A, class... B, class... More>
auto join(List<A...>, List<B...>, More... more) {
  if constexpr (sizeof...(More) == 0) {
    return List<A..., B...>();
  } else {
    return join(List<A..., B...>(), more...);
  }
}
template <class... K>
constexpr std::size_t count(List<K...>) {
  return sizeof...(K);
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using All = decltype(fuzz::join(fuzz::Numbers(), fuzz::Sequences(), fuzz::Composites(), fuzz::Aggregates(),
                                  fuzz::Sorted(), fuzz::Hashed()));
  fuzz::Input input(data, size);
  while (!input.empty()) fuzz::try_any(All(), input.below(fuzz::count(All())), input);  // so that files can be joined
  return 0;
}
