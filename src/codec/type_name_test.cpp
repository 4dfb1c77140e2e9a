// A type's own name is the same whatever the compiler writes around it.
#include "coproc/detail/type_name.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace names {

enum class Color { red, green };
void function();
struct Plain {
  struct Inner {};
  enum class InnerEnum {};
  void operator->();
};
template <class... T>
struct Box {
  struct Inner {};
};
template <auto... V>
struct Valued {};
namespace {
struct Hidden {};
template <class T>
struct HiddenBox {};
}  // namespace
inline namespace v9 {
struct Versioned {};
}  // namespace v9
struct _With_2_underscores {};
struct Größe {};
typedef struct {
} Typedefed;

template <class T>
auto local_of_template() {
  struct Local {
    T value;
  };
  return Local();
}
inline auto local_of_lambda() {
  return [](auto) {
    struct InLambda {};
    return InLambda();
  }(1);
}

}  // namespace names

namespace coproc::inline v0::detail {
namespace {
using namespace names;

static_assert(own_name<Plain>() == "Plain");
static_assert(own_name<Plain::Inner>() == "Inner");
static_assert(own_name<Plain::InnerEnum>() == "InnerEnum");
static_assert(own_name<Color>() == "Color");
static_assert(own_name<Box<>>() == "Box");
static_assert(own_name<Box<int, Box<Box<char>>, std::vector<Plain>>>() == "Box");
static_assert(own_name<Box<int>::Inner>() == "Inner");
static_assert(own_name<Box<void (*)(int[3], Plain&)>>() == "Box");
static_assert(own_name<Valued<Color::red>>() == "Valued");
static_assert(own_name<Valued<Color(7)>>() == "Valued");
static_assert(own_name<Valued<'>', '<', '\'', '\\', ']', ';'>>() == "Valued");
static_assert(own_name<Valued<&function>>() == "Valued");
static_assert(own_name<Valued<3u, -1L, true, nullptr>>() == "Valued");
static_assert(own_name<Hidden>() == "Hidden");
static_assert(own_name<HiddenBox<Hidden>>() == "HiddenBox");
static_assert(own_name<Versioned>() == "Versioned");
static_assert(own_name<_With_2_underscores>() == "_With_2_underscores");
static_assert(own_name<Größe>() == "Größe");
static_assert(own_name<Typedefed>() == "Typedefed");
static_assert(own_name<decltype(local_of_template<int>())>() == "Local");
static_assert(own_name<decltype(local_of_lambda())>() == "InLambda");
static_assert(own_name<std::map<int, std::string>>() == "map");

TEST(CodecTypeName, OfLocalAndUnnamedTypes) {
  struct Local {};
  enum LocalEnum {};
  struct {
    int value;
  } unnamed{};
  enum {} unnamed_enum{};
  EXPECT_EQ(own_name<Local>(), "Local");
  EXPECT_EQ(own_name<LocalEnum>(), "LocalEnum");
  EXPECT_EQ(own_name<decltype(unnamed)>(), "");
  EXPECT_EQ(own_name<decltype(unnamed_enum)>(), "");
  EXPECT_EQ(own_name<Box<Local>>(), "Box");
}

TEST(CodecTypeName, HashesAreThePublishedOnes) {
  // The test values that FNV-1a was published with.
  EXPECT_EQ(hash_text(""), 0xcbf29ce484222325u);
  EXPECT_EQ(hash_text("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(hash_text("foobar"), 0x85944171f73967e8u);
  EXPECT_EQ(hash_number(0x62, hash_text("a")), hash_text(std::string("ab\0\0\0\0\0\0\0", 9)));
}

}  // namespace
}  // namespace coproc::inline v0::detail
