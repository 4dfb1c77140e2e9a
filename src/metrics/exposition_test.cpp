#include "metrics/exposition.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace coproc::metrics {
namespace {

constexpr Family kUp{"x_up", Kind::gauge, "Is up."};
constexpr Family kStarts{"x_starts", Kind::counter, "Starts."};

std::string text_of(bool is_open) {
  Exposition to(is_open);
  to.begin(kUp);
  to.add(labels_of("a", 0), 1);
  to.add(labels_of("b", 12), 0);
  to.begin(kStarts);
  to.add(labels_of("a", 0), 18446744073709551615u, "reason=\"signal\"");
  return std::move(to).finish();
}

TEST(Exposition, InTheTextFormatOfPrometheusACounterIsCalledTotal) {
  EXPECT_EQ(text_of(false),
            "# HELP x_up Is up.\n"
            "# TYPE x_up gauge\n"
            "x_up{name=\"a\",place=\"0\"} 1\n"
            "x_up{name=\"b\",place=\"12\"} 0\n"
            "# HELP x_starts_total Starts.\n"
            "# TYPE x_starts_total counter\n"
            "x_starts_total{name=\"a\",place=\"0\",reason=\"signal\"} 18446744073709551615\n");
}

TEST(Exposition, InOpenMetricsOnlyItsSamplesAreAndTheTextHasAnEnd) {
  EXPECT_EQ(text_of(true),
            "# HELP x_up Is up.\n"
            "# TYPE x_up gauge\n"
            "x_up{name=\"a\",place=\"0\"} 1\n"
            "x_up{name=\"b\",place=\"12\"} 0\n"
            "# HELP x_starts Starts.\n"
            "# TYPE x_starts counter\n"
            "x_starts_total{name=\"a\",place=\"0\",reason=\"signal\"} 18446744073709551615\n"
            "# EOF\n");
}

TEST(Exposition, AFamilyWithoutSamplesIsLeftOut) {
  for (const bool is_open : {false, true}) {
    Exposition to(is_open);
    to.begin(kUp);
    to.begin(kStarts);
    EXPECT_EQ(std::move(to).finish(), is_open ? "# EOF\n" : "");
  }
}

TEST(Exposition, NamesAreEscaped) {
  Exposition to(false);
  to.begin(kUp);
  to.add(labels_of("\\ \" \n \xc3\xa9 { } , = #", 0), 1);
  const std::string text = std::move(to).finish();
  EXPECT_NE(text.find("x_up{name=\"\\\\ \\\" \\n \xc3\xa9 { } , = #\",place=\"0\"} 1\n"), std::string::npos) << text;
}

TEST(Exposition, SecondsHaveAllTheirDigits) {
  Exposition to(false);
  to.begin(kUp);
  to.add_seconds(labels_of("a", 0), 1'000'000'007);
  to.add_seconds(labels_of("b", 0), 9'007'199'254'740'993);  // as seconds in a double it would be another number
  to.add_seconds(labels_of("c", 0), -1);
  const std::string text = std::move(to).finish();
  EXPECT_NE(text.find("\"a\",place=\"0\"} 1.000000007\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\"b\",place=\"0\"} 9007199.254740993\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\"c\",place=\"0\"} 0.000000000\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace coproc::metrics
