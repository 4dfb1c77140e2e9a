// How aggregates are taken apart, and which ones are refused.
#include "coproc/detail/fields.hpp"

#include <gtest/gtest.h>

#include <any>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "codec/round_trip.hpp"
#include "coproc/codec.hpp"

namespace coproc::inline v0 {
namespace {

using detail::kRefusal;
using detail::Layout;
using detail::Refusal;

struct Three {
  int a;
  std::string b;
  double c[4];
};
struct Grid {
  int cells[2][3][4];
  char name[16];
};
struct WithDefaults {
  int a = 1;
  std::vector<int> b = {1, 2};
};
static_assert(Layout<Three>::fields == 3);
static_assert(Layout<Grid>::fields == 2);
static_assert(Layout<WithDefaults>::fields == 2);

struct ThirtyTwo {
  int a1 = 1, a2 = 2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16;
  std::string b1, b2, b3, b4, b5, b6, b7, b8;
  char c1[2], c2[2], c3[2], c4[2], c5[2], c6[2], c7[2], c8[2];
  bool operator==(const ThirtyTwo&) const = default;
};
static_assert(Layout<ThirtyTwo>::fields == 32);
static_assert(Encodable<ThirtyTwo>);

TEST(CodecFields, ThirtyTwoFieldsTravel) {
  ThirtyTwo value{};
  value.a16 = 16;
  value.b8 = "last string";
  value.c8[1] = 'z';
  test::expect_round_trip(value);
}

struct Tag {};
struct OtherTag {};
struct Derived : Tag, OtherTag {
  int a;
  std::string b;
  bool operator==(const Derived& other) const { return a == other.a && b == other.b; }
};
struct FurtherDerived : Derived {};
struct HasMembers {
  int member;
};
struct OnFullBase : HasMembers {
  int own;
};
struct OnFullBaseOnly : HasMembers {};
struct OnBoth : Tag, HasMembers {
  int own;
};
static_assert(Layout<Derived>::bases == 2 && Layout<Derived>::fields == 2);
static_assert(kRefusal<OnFullBase> == Refusal::full_base);
static_assert(kRefusal<OnFullBaseOnly> == Refusal::full_base);
static_assert(kRefusal<OnBoth> == Refusal::full_base);
static_assert(kRefusal<FurtherDerived> == Refusal::full_base);

TEST(CodecFields, EmptyBasesAreSkipped) { test::expect_round_trip(Derived{{}, {}, 7, "seven"}); }

union Either {
  int i;
  float f;
};
struct AnonymousUnion {
  int kind;
  union {
    int i;
    float f;
  };
};
struct NamedUnion {
  std::string text;
  Either either;
};
static_assert(kRefusal<Either> == Refusal::union_type);
static_assert(kRefusal<AnonymousUnion> == Refusal::union_type);
static_assert(kRefusal<NamedUnion> == Refusal::union_type);

struct BitFields {
  int a : 3;
  int b : 5;
};
struct OneBitField {
  int a;
  int b : 31;
};
struct ConstReference {
  const int& r;
};
struct Reference {
  int& r;
};
struct RvalueReference {
  int&& r;
};
constexpr int kGlobal = 1;
struct ReferenceWithDefault {
  const int& r = kGlobal;
};
struct ConstMember {
  const int a = 1;
};
struct ConstArray {
  const int a[2] = {1, 2};
};
struct NoDefault {
  NoDefault(int);
};
struct ExplicitDefault {
  explicit ExplicitDefault() = default;
  static constexpr std::tuple<> coproc_fields{};
};
struct HoldsNoDefault {
  int a;
  NoDefault b;
  int c;
};
struct HoldsExplicitDefault {
  int a;
  ExplicitDefault b = ExplicitDefault();
  int c;
};
static_assert(kRefusal<BitFields> == Refusal::bit_field);
static_assert(kRefusal<OneBitField> == Refusal::bit_field);
static_assert(kRefusal<ReferenceWithDefault> == Refusal::reference);
static_assert(kRefusal<ConstReference> == Refusal::not_default_constructible);
static_assert(kRefusal<RvalueReference> == Refusal::not_default_constructible);
static_assert(kRefusal<Reference> == Refusal::not_default_constructible);
static_assert(kRefusal<ConstMember> == Refusal::constant);
static_assert(kRefusal<ConstArray> == Refusal::constant);
static_assert(kRefusal<HoldsNoDefault> == Refusal::not_default_constructible);
static_assert(kRefusal<HoldsExplicitDefault> == Refusal::not_default_constructible);
static_assert(kRefusal<NoDefault> == Refusal::not_aggregate);
static_assert(Encodable<ExplicitDefault>);

struct HoldsPointer {
  int* p;
};
struct HoldsView {
  std::string_view v;
};
struct ThirtyThree {
  int a[3], b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, a1, a2, a3, a4, a5, a6, a7;
};
class Private {
  [[maybe_unused]] int a = 0;
};
struct Virtual {
  virtual ~Virtual() = default;
  int a = 0;
};
struct DerivedVector : std::vector<int> {
  using vector::vector;
  int extra = 0;
};
static_assert(kRefusal<HoldsPointer> == Refusal::pointer);
static_assert(kRefusal<std::vector<HoldsPointer>> == Refusal::pointer);
static_assert(kRefusal<std::map<std::string, std::optional<std::tuple<int, const char*>>>> == Refusal::pointer);
static_assert(kRefusal<std::unique_ptr<int>> == Refusal::pointer);
static_assert(kRefusal<std::shared_ptr<int>> == Refusal::pointer);
static_assert(kRefusal<std::nullptr_t> == Refusal::pointer);
static_assert(kRefusal<int (*)(int)> == Refusal::pointer);
static_assert(kRefusal<HoldsView> == Refusal::view);
static_assert(kRefusal<std::vector<std::span<int>>> == Refusal::view);
static_assert(kRefusal<ThirtyThree> == Refusal::too_many_fields);
static_assert(kRefusal<Private> == Refusal::not_aggregate);
static_assert(kRefusal<Virtual> == Refusal::not_aggregate);
static_assert(kRefusal<std::any> == Refusal::not_aggregate);
static_assert(kRefusal<std::function<void()>> == Refusal::not_aggregate);
static_assert(kRefusal<std::tuple<int&>> == Refusal::reference);
static_assert(kRefusal<DerivedVector> == Refusal::not_aggregate, "its own member would be lost in silence");
static_assert(!Encodable<HoldsPointer> && !Encodable<int*> && !Encodable<std::vector<std::string_view>>);
static_assert(Encodable<const char*> && Encodable<std::string_view> && Encodable<int[3]> &&
              Encodable<const std::string&>);

class Hidden {
 public:
  Hidden() = default;
  Hidden(int a, std::string b) : a_(a), b_(std::move(b)) {}
  bool operator==(const Hidden&) const = default;

 private:
  int a_ = 0;
  std::string b_;

 public:
  static constexpr auto coproc_fields = std::tuple(&Hidden::b_, &Hidden::a_);
};
struct Listed : HasMembers {
  int own = 0;
  int scratch = 0;  // not listed: not sent
  static constexpr auto coproc_fields = std::tuple(&Listed::member, &Listed::own);
  bool operator==(const Listed& other) const { return member == other.member && own == other.own; }
};
static_assert(Encodable<Hidden> && Encodable<Listed>);
static_assert(!detail::kIsBulk<Listed>);

TEST(CodecFields, ListedFieldsTravelInTheirOrder) {
  test::expect_round_trip(Hidden(3, "three"));
  EXPECT_EQ(test::to_bytes(Hidden(3, "x")), test::to_bytes(std::tuple<std::string, int>("x", 3)));
  Listed listed;
  listed.member = 1;
  listed.own = 2;
  listed.scratch = 3;
  test::expect_round_trip(listed);
  EXPECT_EQ(test::from_bytes<Listed>(test::to_bytes(listed)).scratch, 0);
}

struct Bulk {
  int a;
  float b;
  std::uint16_t c[2];
};
struct NotBulk {
  int a;
  bool b, c, d, e;
};
struct Overlapping {
  [[no_unique_address]] Tag tag;
  int a;
};
static_assert(detail::kIsBulk<Bulk> && detail::kIsBulk<Bulk[2]> && detail::kIsBulk<std::array<Bulk, 2>>);
struct PaddedInside {
  char a;
  int b;
};
struct PaddedAtTheEnd {
  int a;
  char b;
};
static_assert(!detail::kIsBulk<PaddedInside> && !detail::kIsBulk<PaddedAtTheEnd> && fixed_size<PaddedInside> == 5);
static_assert(!detail::kIsBulk<NotBulk> && !detail::kIsBulk<Overlapping> && !detail::kIsBulk<long double> &&
              !detail::kIsBulk<bool>);
static_assert(fixed_size<Bulk> == 12 && fixed_size<NotBulk> == 8 && fixed_size<bool> == 1 && fixed_size<Tag> == 1);
static_assert(is_fixed_size<std::tuple<int, char>> && fixed_size<std::tuple<int, char>> == 5);
static_assert(!is_fixed_size<std::string> && !is_fixed_size<const char*> && !is_fixed_size<std::optional<int>>);

}  // namespace

namespace {
/// A type with a codec of its own: neither default-constructible nor an aggregate.
class Celsius {
 public:
  explicit Celsius(double degrees) : degrees_(degrees) {}
  double degrees() const { return degrees_; }
  bool operator==(const Celsius&) const = default;

 private:
  double degrees_;
};
struct Nothing {
  explicit Nothing(int) {}
  bool operator==(const Nothing&) const = default;
};
union Number {
  int i;
  float f;
};
struct HoldsNumber {
  int before;
  Number number;
};
}  // namespace

template <>
struct Codec<Celsius> {
  static constexpr std::string_view name = "test.Celsius";
  static void encode(Encoder& encoder, const Celsius& value) { encoder.scalar(value.degrees()); }
  static Celsius decode(Decoder& decoder) {
    const auto degrees = decoder.scalar<double>();
    if (degrees < -273.15) decoder.fail("colder than cold");
    return Celsius(degrees);
  }
};
template <>
struct Codec<Nothing> {
  static constexpr std::string_view name = "test.Nothing";
  static void encode(Encoder&, const Nothing&) {}
  static Nothing decode(Decoder&) { return Nothing(0); }
};
template <>
struct Codec<Number> {
  static constexpr std::string_view name = "test.Number";
  static void encode(Encoder& encoder, const Number& value) { encoder.scalar(value.i); }
  static Number decode(Decoder& decoder) { return Number{decoder.scalar<int>()}; }
};

namespace {

TEST(CodecCustom, TravelsAloneAndInContainers) {
  test::expect_round_trip(Celsius(21));
  test::expect_round_trip(std::vector<Celsius>{Celsius(1), Celsius(2)});
  test::expect_round_trip(std::optional<Celsius>(Celsius(1)));
  test::expect_round_trip(std::map<int, Celsius>{{1, Celsius(1)}});
  test::expect_round_trip(std::tuple<int, Celsius>(1, Celsius(1)));
  test::expect_round_trip(std::variant<int, Celsius>(Celsius(1)));
  EXPECT_THROW(test::from_bytes<Celsius>(test::to_bytes(-300.0)), DecodeError);
}

TEST(CodecCustom, ThatWritesNothingStillTakesAByte) {
  test::expect_round_trip(std::vector<Nothing>(5, Nothing(0)));
  EXPECT_EQ(test::to_bytes(Nothing(0)).size(), 1u);
}

TEST(CodecCustom, MakesAUnionAField) {
  static_assert(Encodable<HoldsNumber>);
  const auto back = test::from_bytes<HoldsNumber>(test::to_bytes(HoldsNumber{1, {2}}));
  EXPECT_EQ(back.before, 1);
  EXPECT_EQ(back.number.i, 2);
}

}  // namespace
}  // namespace coproc::inline v0
