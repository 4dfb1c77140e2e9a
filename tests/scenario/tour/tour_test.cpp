// What the programs of examples/tour print is what the introduction says: word for word, apart from the process numbers
// and from how often the printing process came to print. And the README's program prints what stands below it.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

namespace {

struct Outcome {
  std::string output;
  int status;
};

Outcome run(const std::filesystem::path& program) {
  const std::filesystem::path tour = COPROC_TOUR;
  FILE* pipe = popen(("'" + (tour.parent_path() / program).string() + "' 2>&1").c_str(), "r");
  if (pipe == nullptr) return {"popen failed", -1};
  Outcome result{};
  std::array<char, 4096> piece;
  for (std::size_t n = 0; (n = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    result.output.append(piece.data(), n);
  result.status = pclose(pipe);
  return result;
}

std::string without_process_numbers(const std::string& text) {
  return std::regex_replace(text, std::regex("process [0-9]+"), "process N");
}

void expect_prints(const std::string& program, const std::string& expected) {
  const Outcome ran = run(program);
  EXPECT_EQ(without_process_numbers(ran.output), expected);
  EXPECT_EQ(ran.status, 0);
}

TEST(Tour, EchoAndRestart) {
  expect_prints("01_echo_and_restart",
                "WorkerResource(target=<function custom_echo_process>, is_alive=False)\n"
                "Starting process N\n");
}

TEST(Tour, Context) {
  expect_prints("02_context",
                "<class 'coproc::v0::WorkerResource<void (*)(coproc::v0::PriorityMessenger&, bool), "
                "coproc::v0::PriorityMessenger>'>\n");
}

TEST(Tour, WrapperObject) {
  expect_prints("03_wrapper_object",
                "Starting process N\n"
                "EchoResource(verbose=True, resource=WorkerResource(target=<function custom_echo_process>, "
                "process N started))\n");
}

TEST(Tour, WrapperObjectNamesTheProcessThatStarted) {
  const std::string output = run("03_wrapper_object").output;
  std::smatch pids;
  ASSERT_TRUE(std::regex_search(output, pids, std::regex("process ([0-9]+)\n.*process ([0-9]+) started"))) << output;
  EXPECT_EQ(pids[1], pids[2]);
}

TEST(Tour, BasicMessaging) {
  expect_prints("04_basic_messaging",
                "Starting process N\n"
                "process N received: hello\n"
                "hello\n");
}

TEST(Tour, Requests) { expect_prints("05_requests", "0\n1\nhello\n0\n0\n1\n2\n"); }

TEST(Tour, Availability) { expect_prints("06_availability", "0\n0\n1\n['hello']\n"); }

TEST(Tour, Priorities) {
  expect_prints("07_priorities",
                "[DataMessage(data=1, priority=1)]\n"
                "[WarningMessage(message='negative number', priority=0), DataMessage(data=-1, priority=1)]\n");
}

TEST(Tour, Channels) {
  expect_prints("08_channels",
                "messenger.remaining(Channels.DATA)=1\n"
                "messenger.remaining(Channels.DATA)=0\n"
                "warning: data must be positive\n"
                "hello\n"
                "messenger.remaining(Channels.DATA)=1\n"
                "messenger.remaining(Channels.DATA)=0\n"
                "warning: data must be positive\n"
                "world\n"
                "messenger.remaining(Channels.DATA)=1\n"
                "messenger.remaining(Channels.DATA)=0\n"
                "hello world!\n");
}

TEST(Tour, SystemMessages) {
  expect_prints("09_system_messages",
                "1\n"
                "<class 'ValueError'> data must be positive\n"
                "False\n");
}

// Host and worker print to one place and are not in step: only the order of what each prints is certain.
TEST(Tour, PrintingProcess) {
  const Outcome ran = run("10_printing_process");
  EXPECT_EQ(ran.status, 0);

  const std::string first = "self.keep_printing=False\n";
  const std::string last = "\nAlready not printing! oh well.\n";
  ASSERT_TRUE(ran.output.starts_with(first)) << ran.output;
  ASSERT_TRUE(ran.output.ends_with(last)) << ran.output;
  const std::string between = ran.output.substr(first.size(), ran.output.size() - first.size() - last.size());

  const std::string of_worker = std::regex_replace(between, std::regex("[^xy]"), "");
  EXPECT_TRUE(std::regex_match(of_worker, std::regex("x+y+"))) << of_worker;
  const std::string of_host = std::regex_replace(between, std::regex("[xy]"), "");
  EXPECT_EQ(of_host, "\n----\n\n----\n\n----\n\n----\n\n----\n");
  // It prints nothing before it is told to: two lines of the host come first.
  EXPECT_TRUE(between.starts_with("\n----\n\n----\n")) << between;
}

TEST(Tour, RunsAllOfThemInOrder) {
  const Outcome ran = run("tour");
  EXPECT_EQ(ran.status, 0);
  std::size_t at = 0;
  for (const char* program :
       {"01_echo_and_restart", "02_context", "03_wrapper_object", "04_basic_messaging", "05_requests",
        "06_availability", "07_priorities", "08_channels", "09_system_messages", "10_printing_process"}) {
    at = ran.output.find("== " + std::string(program) + "\n", at);
    ASSERT_NE(at, std::string::npos) << program << " is missing in:\n" << ran.output;
  }
  EXPECT_NE(ran.output.find("Already not printing! oh well.\n", at), std::string::npos);
}

TEST(Readme, ProgramPrintsWhatStandsBelowIt) {
  std::ifstream file(COPROC_README_OUTPUT);
  const std::string expected{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(expected.empty());
  expect_prints(COPROC_README_PROGRAM, expected);  // an absolute path stands for itself
}

}  // namespace
