// The identity of types: which types are the same, which are not, and whether all compilers agree.
#include "coproc/type_info.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace identity {

enum class Color : std::uint8_t { red };
enum Plain { kPlain = 100000 };
struct Data {
  int value;
  std::string text;
  double numbers[3];
};
struct Tree {
  int value;
  std::vector<Tree> children;
};
struct Odd;
struct Even {
  std::vector<Odd> next;
};
struct Odd {
  std::vector<Even> next;
};
template <class T>
struct Box {
  T value;
};
template <Color C, int N>
struct Valued {
  int value;
};
template <char C>
struct Lettered {
  int value;
};
struct Metre {};
struct Foot {};
template <class Unit>
struct Length {
  double value;
};
struct Renamed {
  static constexpr std::string_view coproc_name = "identity.Data/1";
  int value;
};
class Listed {
 public:
  int a = 0;
  static constexpr auto coproc_fields = std::tuple(&Listed::a);
};
struct Custom {
  explicit Custom(int) {}
};
namespace {
struct Hidden {
  int value;
};
}  // namespace
namespace other {
struct Data {
  int value;
  std::string text;
  double numbers[3];
};
}  // namespace other
namespace changed {
struct Data {
  int value;
  std::string text;
  float numbers[3];
};
struct Tree {
  int value;
  std::vector<std::vector<Tree>> children;
};
}  // namespace changed
typedef struct {
  int value;
} Typedefed;
struct Größe {
  int value;
};

}  // namespace identity

template <>
struct coproc::Codec<identity::Custom> {
  static constexpr std::string_view name = "test.Custom";
  static void encode(Encoder&, const identity::Custom&) {}
  static identity::Custom decode(Decoder&) { return identity::Custom(0); }
};

namespace coproc::inline v0 {
namespace {
using namespace identity;
using namespace std::chrono;

template <class A, class B>
constexpr bool kSame = type_info<A>.id == type_info<B>.id;

static_assert(kSame<long, long long> && kSame<unsigned long, std::uint64_t> && kSame<signed char, std::int8_t>);
static_assert(!kSame<int, unsigned> && !kSame<int, long> && !kSame<char, signed char> && !kSame<char, unsigned char>);
static_assert(!kSame<int, float> && !kSame<bool, unsigned char> && !kSame<char8_t, unsigned char> &&
              !kSame<wchar_t, char32_t>);
static_assert(!kSame<Color, std::uint8_t> && !kSame<Color, Plain> && !kSame<std::byte, unsigned char>);
static_assert(kSame<std::vector<int>, std::deque<int>> && kSame<std::vector<int>, std::list<int>>);
static_assert(kSame<std::set<int>, std::unordered_set<int>> && kSame<std::set<int>, std::multiset<int>>);
static_assert(kSame<std::map<int, int>, std::unordered_multimap<int, int>>);
static_assert(!kSame<std::vector<int>, std::set<int>> && !kSame<std::vector<std::pair<int, int>>, std::map<int, int>>);
static_assert(!kSame<std::vector<int>, std::vector<long>> && !kSame<std::map<int, int>, std::map<int, char>>);
static_assert(!kSame<std::string, std::vector<char>> && !kSame<std::string, std::wstring> &&
              !kSame<std::string, std::filesystem::path>);
static_assert(kSame<std::string, const char*> && kSame<std::string, char[6]> && kSame<std::string, std::string_view>);
static_assert(kSame<const int&, int> && kSame<int[3], std::vector<int>>);
static_assert(!kSame<std::array<int, 3>, std::array<int, 4>> && !kSame<std::array<int, 3>, std::vector<int>>);
static_assert(!kSame<std::optional<int>, int> && !kSame<std::variant<int, char>, std::variant<char, int>>);
static_assert(kSame<std::pair<int, char>, std::tuple<int, char>> && !kSame<std::tuple<int>, int>);
static_assert(!kSame<std::tuple<int, std::tuple<int>>, std::tuple<std::tuple<int, int>>>);
static_assert(!kSame<seconds, milliseconds> && !kSame<system_clock::time_point, steady_clock::time_point>);
static_assert(!kSame<seconds, duration<double>> && !kSame<seconds, std::int64_t>);
static_assert(kSame<Data, other::Data>, "namespaces do not count");
static_assert(!kSame<Data, changed::Data>, "a changed field does");
static_assert(!kSame<Tree, changed::Tree> && !kSame<Even, Odd>);
static_assert(!kSame<Box<int>, Box<float>> && !kSame<Length<Metre>, Length<Foot>> && kSame<Box<long>, Box<long long>>);
static_assert(kSame<Valued<Color::red, 1>, Valued<Color::red, 2>>, "values as template arguments do not count");
static_assert(type_info<int*>.id == 0);

TEST(CodecTypeInfo, AddressesAreKeys) {
  EXPECT_EQ(&type_info<const char*>, &type_info<std::string>);
  EXPECT_EQ(&type_info<const int&>, &type_info<int>);
  EXPECT_NE(&type_info<int>, &type_info<long>);
}

TEST(CodecTypeInfo, AllCompilersAgree) {
  // The expected values are constants, since other compilers and later versions must compute the same.
  struct Local {
    int value;
  };
  const std::pair<const TypeInfo*, std::uint64_t> expected[] = {
      {&type_info<bool>, 0xbec19987fb4cf0ba},
      {&type_info<char>, 0x841415124d20c395},
      {&type_info<int>, 0x910c90b4e896e75e},
      {&type_info<unsigned>, 0x269ae9e6840a6e42},
      {&type_info<long>, 0x06f13d640cf03caa},
      {&type_info<double>, 0x01c0f75de52e878b},
      {&type_info<long double>, 0xf773d7639b86fcd3},
      {&type_info<wchar_t>, 0x9bf5f2d1e062c88c},
      {&type_info<Color>, 0xdd21a84f39c15095},
      {&type_info<Plain>, 0x2ea81741b7f23a85},
      {&type_info<std::byte>, 0x1f8e342fc0115c88},
      {&type_info<std::string>, 0x6be3f2bc18001bd2},
      {&type_info<std::u16string>, 0xe3d6eb3dc04b2fa7},
      {&type_info<std::vector<int>>, 0x54783fca64f315f5},
      {&type_info<std::map<std::string, double>>, 0x998b5b5083590783},
      {&type_info<std::set<int>>, 0x02c286d4675f608c},
      {&type_info<std::array<int, 3>>, 0x46993199bac39831},
      {&type_info<std::optional<int>>, 0x59631b71f7ff87d0},
      {&type_info<std::variant<int, std::string>>, 0xd3beb5f733d4a275},
      {&type_info<std::tuple<int, char>>, 0x8c71885c0ce7e1fc},
      {&type_info<std::monostate>, 0x1be64ad9a6080df9},
      {&type_info<milliseconds>, 0x7daa02b1a8ad190f},
      {&type_info<system_clock::time_point>, 0x2d33df19d4095a57},
      {&type_info<steady_clock::time_point>, 0x9955be6ac1eed82c},
      {&type_info<std::filesystem::path>, 0x3786ee3f5796f8b5},
      {&type_info<std::complex<float>>, 0xfe55f19f405f6b8e},
      {&type_info<Data>, 0x37d3b2c6bdd72a2d},
      {&type_info<Tree>, 0x444759e0c7d59e52},
      {&type_info<Even>, 0x955a12b2dd42b6b2},
      {&type_info<Box<int>>, 0x909613ed0e413e28},
      {&type_info<Box<Box<Tree>>>, 0x11a55c73c96ea7fe},
      {&type_info<Valued<Color::red, 3>>, 0x28d0bc70714fed2a},
      {&type_info<Lettered<'>'>>, 0x4e7e07d627c742c4},
      {&type_info<Length<Metre>>, 0xb20ced29e55e6ed8},
      {&type_info<Renamed>, 0xd511eff4e244ffbb},
      {&type_info<Listed>, 0x955521ad149faaf0},
      {&type_info<Custom>, 0x063ef6286f23475b},
      {&type_info<Hidden>, 0x76110178071cf6c5},
      {&type_info<Typedefed>, 0x00a783bbedd1473d},
      {&type_info<Größe>, 0x0c1043158cfaf222},
      {&type_info<Local>, 0xaeaa064b819a4408},
  };
  for (const auto& [type, id] : expected) EXPECT_EQ(type->id, id) << type->describe() << std::hex << " 0x" << type->id;
}

TEST(CodecTypeInfo, DescribesTypesToPeople) {
  const std::pair<const TypeInfo*, std::string> expected[] = {
      {&type_info<int>, "int32"},
      {&type_info<unsigned long>, "uint64"},
      {&type_info<double>, "float64"},
      {&type_info<long double>, "long double"},
      {&type_info<bool>, "bool"},
      {&type_info<char>, "char"},
      {&type_info<const char*>, "string"},
      {&type_info<std::wstring>, "string<wchar>"},
      {&type_info<std::vector<Data>>, "vector<Data>"},
      {&type_info<std::list<int>>, "vector<int32>"},
      {&type_info<std::map<std::string, double>>, "map<string, float64>"},
      {&type_info<std::unordered_set<int>>, "set<int32>"},
      {&type_info<std::array<int, 3>>, "array<int32, 3>"},
      {&type_info<std::optional<Tree>>, "optional<Tree>"},
      {&type_info<std::variant<int, std::string>>, "variant<int32, string>"},
      {&type_info<std::pair<int, Color>>, "tuple<int32, Color>"},
      {&type_info<std::tuple<>>, "tuple"},
      {&type_info<milliseconds>, "duration<int64, 1/1000>"},
      {&type_info<system_clock::time_point>, "time_point<duration<int64, 1/1000000000>, system_clock>"},
      {&type_info<std::filesystem::path>, "path"},
      {&type_info<std::complex<float>>, "complex<float32>"},
      {&type_info<std::monostate>, "monostate"},
      {&type_info<std::byte>, "byte"},
      {&type_info<Box<int>>, "Box"},
      {&type_info<Renamed>, "identity.Data/1"},
      {&type_info<Custom>, "test.Custom"},
      {&type_info<Typedefed>, "Typedefed"},
  };
  for (const auto& [type, text] : expected) EXPECT_EQ(type->describe(), text);
  struct {
    int value;
  } unnamed{};
  EXPECT_EQ(type_info<decltype(unnamed)>.describe(), "unnamed");
}

}  // namespace
}  // namespace coproc::inline v0
