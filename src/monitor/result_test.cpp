#include "coproc/monitor_result.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "monitor/numbers.hpp"

namespace coproc::inline v0::monitor {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

MonitorResult example() {
  MonitorResult result;
  result.began_at = std::chrono::system_clock::time_point(1'700'000'000s);
  result.peak_bytes = 3'000'000;
  result.peak_time = 250ms;
  ProcessSeries series{.pid = 12, .parent = 1, .name = "a<b>&\"'", .peak_bytes = 3'000'000};
  series.samples = {{.time = 0s,
                     .processor_time = 1s,
                     .resident_bytes = 2'000'000,
                     .shared_bytes = 500'000,
                     .threads = 1,
                     .state = 'S'},
                    {.time = 250ms,
                     .processor_time = 1250ms,
                     .processors = 1,
                     .resident_bytes = 3'000'000,
                     .shared_bytes = 500'000,
                     .threads = 2,
                     .state = 'R'}};
  result.processes = {series};
  result.notes = {{.time = 100ms, .text = "<script>alert(1)</script>", .details = "say \"hi\", \\ or\nnot"}};
  return result;
}

std::size_t count(const std::string& text, const std::string& piece) {
  std::size_t found = 0;
  for (std::size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) ++found;
  return found;
}

}  // namespace

TEST(MonitorResult, CsvHasALineForEachSampleAndNote) {
  EXPECT_EQ(example().csv(),
            "kind,time,pid,name,processor_time,processors,resident_bytes,shared_bytes,threads,state,note,details\n"
            "sample,0.000000,12,\"a<b>&\"\"'\",1.000000,0.0000,2000000,500000,1,\"S\",,\n"
            "sample,0.250000,12,\"a<b>&\"\"'\",1.250000,1.0000,3000000,500000,2,\"R\",,\n"
            "note,0.100000,12,,,,0,,,,\"<script>alert(1)</script>\",\"say \"\"hi\"\", \\ or\\nnot\"\n");
}

TEST(MonitorResult, JsonHasAllFields) {
  EXPECT_EQ(example().json(),
            "{\"began_at\":1700000000.000000,\"peak_bytes\":3000000,\"peak_time\":0.250000,\"forgotten_processes\":0,\n"
            "\"processes\":[\n{\"pid\":12,\"parent\":1,\"name\":\"a<b>&\\\"'\",\"has_ended\":false,"
            "\"peak_bytes\":3000000,\"samples\":[\n"
            "{\"time\":0.000000,\"processor_time\":1.000000,\"processors\":0.0000,\"resident_bytes\":2000000,"
            "\"shared_bytes\":500000,\"threads\":1,\"state\":\"S\"},\n"
            "{\"time\":0.250000,\"processor_time\":1.250000,\"processors\":1.0000,\"resident_bytes\":3000000,"
            "\"shared_bytes\":500000,\"threads\":2,\"state\":\"R\"}]}],\n"
            "\"notes\":[\n{\"time\":0.100000,\"text\":\"<script>alert(1)</script>\","
            "\"details\":\"say \\\"hi\\\", \\\\ or\\\\nnot\",\"log\":true,\"label\":true,\"print\":false,"
            "\"resident_bytes\":0}]}\n");
}

TEST(MonitorResult, NamesAndNotesAreNoMarkup) {
  MonitorResult result = example();
  result.processes.front().name = "\x1b[2J<x>\xff";
  for (const std::string& text : {result.svg(), result.html()}) {
    EXPECT_THAT(text, Not(HasSubstr("<script")));
    EXPECT_THAT(text, Not(HasSubstr("<x>")));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\xff")));
    EXPECT_THAT(text, HasSubstr("&lt;script&gt;"));
    EXPECT_THAT(text, HasSubstr("&lt;x&gt;\\xff"));
  }
}

TEST(MonitorResult, TheDrawingHasALineForEachProcessInBothPanels) {
  MonitorResult result = example();
  result.processes.resize(3, result.processes.front());
  EXPECT_EQ(count(result.svg(), "<polyline"), 6u);
  EXPECT_EQ(count(result.svg(), "class=\"note\""), 1u);
}

TEST(MonitorResult, TheDrawingIsBoundedAndSaysWhatIsNotInIt) {
  MonitorResult result = example();
  result.processes.resize(100, result.processes.front());
  EXPECT_EQ(count(result.svg(), "<polyline"), 64u);
  EXPECT_THAT(result.svg(), HasSubstr("and 68 smaller ones"));
}

TEST(MonitorResult, ALabelWithoutRoomKeepsItsLineAndItsTitle) {
  MonitorResult result = example();
  result.notes.assign(50, result.notes.front());
  const std::string svg = result.svg();
  EXPECT_EQ(count(svg, "class=\"note\""), 50u);
  EXPECT_EQ(count(svg, "<title>"), 50u);
  EXPECT_EQ(count(svg, ">&lt;script"), 50u + 12);  // titles, and the texts that have a row
}

TEST(MonitorResult, OfNothingCanBeDrawn) {
  EXPECT_THAT(MonitorResult().svg(), HasSubstr("</svg>"));
  EXPECT_THAT(MonitorResult().html(), HasSubstr("</html>"));
  EXPECT_EQ(MonitorResult().duration(), 0s);
}

TEST(MonitorResult, ANoteIsOneLineOfALog) {
  const std::string line = note_line({.text = "loaded\nall", .details = "12 files", .resident_bytes = 1'230'000'000},
                                     std::chrono::system_clock::time_point(1'700'000'000s));
  EXPECT_THAT(line, ::testing::MatchesRegex("11/1[45] [0-9][0-9]:[0-9][0-9]:20/  1.23 GB/: loaded.nall; "
                                            "details='12 files'"));
}

TEST(MonitorResult, TheTableNamesPeaks) {
  EXPECT_THAT(example().table(), HasSubstr("3.00 MB"));
  EXPECT_THAT(example().table(), HasSubstr("1.25 s"));
  EXPECT_THAT(example().table(), HasSubstr("peak of all together: 3.00 MB, after 0.25 s"));
}

TEST(MonitorResult, IsSavedInTheFormatOfTheName) {
  const auto folder = std::filesystem::temp_directory_path() / ("coproc-result-test-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const MonitorResult result = example();
  const std::vector<std::pair<std::string, std::string>> wanted{
      {"x.csv", result.csv()}, {"x.json", result.json()}, {"x.svg", result.svg()}, {"x.html", result.html()}};
  for (const auto& [name, contents] : wanted) {
    result.save(folder / name);
    std::ifstream file(folder / name);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), contents);
  }
  EXPECT_THROW(result.save(folder / "x.png"), InvalidArgumentError);
  EXPECT_THROW(result.save(folder / "none" / "x.csv"), std::system_error);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 4);  // and nothing unfinished
  std::filesystem::remove_all(folder);
}

TEST(MonitorNumbers, AreTheSameInEveryLocale) {
  EXPECT_EQ(decimal(1234.5, 2), "1234.50");
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1'230'000), "1.23 MB");
  EXPECT_EQ(std::string(unit_of_seconds(10'000).name), "min");
}

}  // namespace coproc::inline v0::monitor
