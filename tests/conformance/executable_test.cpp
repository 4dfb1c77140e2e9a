// Workers that are another program (tests/start/executable_worker.cpp), and programs that are none.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include "programs.hpp"

using namespace std::chrono_literals;
using coproc::Executable;
using coproc::MultiMessenger;
using coproc::PriorityMessenger;
using coproc::StartError;
using coproc::WorkerOptions;
using coproc::WorkerResource;
using ::testing::HasSubstr;

namespace {

Executable program(std::string what, std::string more = {}) {
  return {EXECUTABLE_WORKER, {std::move(what), std::move(more)}};
}

/// The error that a start throws.
template <class... A>
StartError error_of(const Executable& executable, WorkerOptions options, A... arguments) {
  WorkerResource worker{executable, std::move(options)};
  try {
    worker.start(arguments...);
  } catch (const StartError& error) {
    return error;
  }
  return {"none", 0, "it started"};
}

TEST(Executable, AFunctionOfAnotherProgram) {
  WorkerResource worker{program("echo")};
  for (const int times : {1, 2}) {
    worker.start("hello", times);
    for (int i = 0; i < times; ++i) {
      worker.messenger().send_request("you");
      EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "hello, you");
    }
    EXPECT_EQ(worker.join().code(), 0);
  }
}

TEST(Executable, AClassOfAnotherProgram) {
  WorkerResource<Executable, MultiMessenger> worker{program("adder")};
  worker.start(40L);
  worker.messenger().send_norequest(2L);
  EXPECT_EQ(worker.messenger().receive_blocking<long>(), 42);
  const auto status = worker.stop();
  EXPECT_EQ(status.code(), 0);
  EXPECT_EQ(status.stopped_by, coproc::StopRung::close_request);
}

TEST(Executable, AnExceptionOfAnotherProgram) {
  WorkerResource worker{program("throws")};
  worker.start();
  EXPECT_THROW(worker.messenger().receive_blocking(), std::out_of_range);
  EXPECT_EQ(worker.join().code(), 1);
}

TEST(Executable, AMessengerAsAnArgument) {
  auto [mine, theirs] = PriorityMessenger::new_pair();
  WorkerResource worker{program("joins")};
  worker.start(std::move(theirs));
  EXPECT_EQ(mine.receive_blocking<std::string>(), "through a pair");
}

TEST(Executable, HasItsArgumentsDirectoryEnvironmentAndOutput) {
  const std::string out = ::testing::TempDir() + "coproc_executable_" + std::to_string(::getpid());
  WorkerResource worker{program("tells", "an argument"),
                        {.env = {{"EXECUTABLE_TEST", "a value"}},
                         .working_directory = "/usr",
                         .stdout_ = coproc::OutputFile{out, false}}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "an argument");
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "/usr");
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "a value");
  EXPECT_TRUE(worker.messenger().receive_blocking<bool>()) << "the marker is still in its environment";
  worker.join();
  std::string text;
  std::getline(std::ifstream(out), text);
  EXPECT_EQ(text, "printed by the worker");
  ::unlink(out.c_str());
}

TEST(Executable, OneThatDoesNotExist) {
  const StartError error = error_of({"/no/such/program"}, {.name = "indexer"});
  EXPECT_EQ(error.stage(), "exec");
  EXPECT_EQ(error.error_number(), ENOENT);
  EXPECT_THAT(error.what(), HasSubstr("indexer"));
  EXPECT_THAT(error.what(), HasSubstr("\"/no/such/program\""));
}

TEST(Executable, OneThatIsNoProgram) {
  const std::string text = ::testing::TempDir() + "coproc_no_program_" + std::to_string(::getpid());
  std::ofstream(text) << "no program";
  EXPECT_EQ(error_of({text}, {}).error_number(), EACCES);
  ::chmod(text.c_str(), 0700);
  EXPECT_EQ(error_of({text}, {}).error_number(), ENOEXEC);
  ::unlink(text.c_str());
}

TEST(Executable, OneThatIsNotMadeToBeAWorker) {
  const StartError error = error_of({"/bin/false"}, {});
  EXPECT_EQ(error.stage(), "handshake");
  ASSERT_TRUE(error.exit_status());
  EXPECT_EQ(error.exit_status()->code(), 1);
  EXPECT_THAT(error.what(), HasSubstr("exited with code 1"));
  EXPECT_THAT(error.what(), HasSubstr("this_worker::run"));
}

TEST(Executable, OneThatEndsBeforeTheHandshakeIsQuoted) {
  const StartError error = error_of(program("complains"), {});
  ASSERT_TRUE(error.exit_status());
  EXPECT_EQ(error.exit_status()->code(), 7);
  EXPECT_THAT(error.what(), HasSubstr("the last word"));
  EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("a complaint"))) << "only the end of its stderr is kept";
}

TEST(Executable, OneThatNeverAnswersIsEndedInTime) {
  const StartError error = error_of(program("waits"), {.start_timeout = 50ms});
  EXPECT_EQ(error.stage(), "handshake");
  EXPECT_EQ(error.error_number(), ETIMEDOUT);
  EXPECT_FALSE(error.exit_status());
}

/// With a start request that just fills its socket, at the latest for one of these sizes.
TEST(Executable, OneThatReadsNothingIsEndedInTime) {
  for (std::size_t bytes = 190'000; bytes < 230'000; bytes += 2'000) {
    const StartError error = error_of({"/bin/sleep", {"1000"}}, {.start_timeout = 10ms}, std::string(bytes, 'x'));
    EXPECT_EQ(error.error_number(), ETIMEDOUT) << bytes << ": " << error.what();
  }
}

TEST(Executable, OneWhoseInterpreterDoesNotExist) {
  const std::string path = std::filesystem::temp_directory_path() / ("script" + std::to_string(::getpid()));
  std::ofstream(path) << "#!/no/such/interpreter\n";
  ::chmod(path.c_str(), 0755);
  const StartError error = error_of({path}, {});
  std::filesystem::remove(path);
  EXPECT_EQ(error.stage(), "exec");
  EXPECT_THAT(error.what(), HasSubstr(path));
  EXPECT_THAT(error.what(), HasSubstr("interpreter or loader that it names is missing"));
}

TEST(Executable, OneThatTakesOtherArguments) {
  const StartError error = error_of(program("echo"), {}, 3, std::string("text"));
  EXPECT_EQ(error.stage(), "arguments");
  EXPECT_THAT(error.what(), HasSubstr("takes the arguments (string, int32) and was started with (int32, string)"));
}

TEST(Executable, ItsMethodIsItsOwn) {
  WorkerResource worker{program("echo"), {.method = coproc::StartMethod::spawn}};
  EXPECT_THROW(worker.start("hello", 1), coproc::InvalidArgumentError);
  WorkerResource function{+[](PriorityMessenger&) {}, {.method = coproc::StartMethod::executable}};
  EXPECT_THROW(function.start(), coproc::InvalidArgumentError);
}

TEST(Executable, AProgramThatNobodyStartedSaysSo) {
  EXPECT_FALSE(coproc::this_worker::is_worker());
  EXPECT_THROW(coproc::this_worker::run(+[](PriorityMessenger&) {}), StartError);
}

}  // namespace
