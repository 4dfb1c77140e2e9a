// Sandbox::files(): what was given can be used, and nothing else, for every start method.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "boxed/boxed_worker.hpp"
#include "os/landlock.hpp"

using boxed::BoxedWorker;
using coproc::Sandbox;
using coproc::StartError;
using ::testing::HasSubstr;

namespace {

class Files : public boxed::ByEveryMethod {
 protected:
  void SetUp() override {
    boxed::ByEveryMethod::SetUp();
    if (coproc::os::landlock_abi() < 1) GTEST_SKIP() << "this kernel has no Landlock";
    std::string name = (std::filesystem::temp_directory_path() / "boxed-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    for (const char* each : {"in", "out", "other"}) std::filesystem::create_directory(root_ + "/" + each);
    for (const char* each : {"/in/text", "/out/text", "/other/text"}) std::ofstream(root_ + each) << "contents";
    std::filesystem::create_symlink(root_ + "/other/text", root_ + "/in/link");
  }
  void TearDown() override {
    if (!root_.empty()) std::filesystem::remove_all(root_);
  }
  std::string path(const std::string& below) const { return root_ + below; }
  std::string root_;
};
INSTANTIATE_TEST_SUITE_P(By, Files, boxed::every_method(), boxed::name_of_method);

TEST_P(Files, OnlyWhatWasGivenCanBeUsed) {
  BoxedWorker worker(GetParam(), Sandbox::files().read(path("/in")).write(path("/out")));
  worker.start();
  EXPECT_EQ(worker.ask("try open " + path("/in/text")), "works");
  EXPECT_EQ(worker.ask("try list " + path("/in")), "works");
  EXPECT_EQ(worker.ask("try create " + path("/in/new")), "EACCES");
  EXPECT_EQ(worker.ask("try remove " + path("/in/text")), "EACCES");
  EXPECT_EQ(worker.ask("try truncate_for_reading " + path("/in/text")), "EACCES");
  EXPECT_EQ(worker.ask("try open " + path("/in/link")), "EACCES");

  EXPECT_EQ(worker.ask("try create " + path("/out/new")), "works");
  EXPECT_EQ(worker.ask("try remove " + path("/out/new")), "works");
  EXPECT_EQ(worker.ask("try open " + path("/out/text")), "works");
  EXPECT_EQ(worker.ask("try chmod " + path("/out/text")), "EPERM");

  for (const char* each : {"/other/text", "/in/../other/text"}) {
    EXPECT_EQ(worker.ask("try open " + path(each)), "EACCES") << each;
  }
  EXPECT_EQ(worker.ask("try open /etc/passwd"), "EACCES");
  EXPECT_EQ(worker.ask("try list /"), "EACCES");
  EXPECT_EQ(worker.ask("try fork"), "EPERM");
  EXPECT_EQ(worker.ask("try tcp"), "EACCES");
  EXPECT_EQ(worker.ask("try kill " + std::to_string(::getpid())), "EPERM");
  EXPECT_EQ(worker.ask("try proc_mem " + std::to_string(::getpid())), "EACCES");
  EXPECT_TRUE(worker->stop().success());
  EXPECT_EQ(std::filesystem::file_size(path("/in/text")), 8U);
}

TEST_P(Files, AnotherUserIsHeldJustAsWell) {
  std::filesystem::permissions(root_, std::filesystem::perms::all);
  const std::string answers = boxed::in_host_as(true, [&] {
    BoxedWorker worker(GetParam(), Sandbox::files().read(path("/in")));
    worker.start();
    return worker.ask_each({"try open " + path("/in/text"), "try open " + path("/other/text")});
  });
  if (answers == "not root") GTEST_SKIP() << "only root can become another user";
  EXPECT_EQ(answers, "works EACCES");
}

TEST_P(Files, ASingleFileCanBeGiven) {
  BoxedWorker worker(GetParam(), Sandbox::compute().read(path("/in/text")));
  worker.start();
  EXPECT_EQ(worker.ask("try open " + path("/in/text")), "works");
  EXPECT_EQ(worker.ask("try list " + path("/in")), "EACCES");
}

TEST_P(Files, PathsAreRelativeToTheWorkersDirectory) {
  coproc::WorkerOptions options{.name = "relative", .working_directory = root_, .sandbox = Sandbox::files().read("in")};
  BoxedWorker worker(GetParam(), options);
  worker.start();
  EXPECT_EQ(worker.ask("try open in/text"), "works");
  EXPECT_EQ(worker.ask("try open other/text"), "EACCES");
}

TEST_P(Files, APathThatIsNotThereIsNamedByTheStart) {
  BoxedWorker worker(GetParam(), Sandbox::files().read(path("/nowhere")));
  try {
    worker.start();
    FAIL() << "it started";
  } catch (const StartError& error) {
    EXPECT_EQ(error.stage(), "sandbox");
    EXPECT_EQ(error.error_number(), ENOENT);
    EXPECT_THAT(error.what(), HasSubstr(path("/nowhere")));
  }
}

TEST_P(Files, ProgramsRunInTheSameBox) {
  if (coproc::os::landlock_abi() < 6) GTEST_SKIP() << "this kernel cannot keep signals in";
  BoxedWorker worker(GetParam(), Sandbox::files().system().read(path("/in")));
  worker.start();
  EXPECT_EQ(worker.ask("try execute /bin/true"), "works");
  EXPECT_EQ(worker.ask("try fork"), "works");
  EXPECT_EQ(worker.ask("try open /etc/passwd"), "EACCES");
  EXPECT_EQ(worker.ask("try kill " + std::to_string(::getpid())), "EPERM");
  EXPECT_EQ(worker.ask("try tgkill " + std::to_string(::getpid())), "EPERM");
  EXPECT_EQ(worker.ask("try prlimit " + std::to_string(::getpid())), "EPERM");
  EXPECT_EQ(worker.ask_or_end("try unshare"), "ends: unshare");
}

TEST_P(Files, AProgramThatWasNotGivenIsNotExecuted) {
  if (coproc::os::landlock_abi() < 6) GTEST_SKIP() << "this kernel cannot keep signals in";
  std::filesystem::copy_file("/bin/true", path("/in/true"));
  BoxedWorker worker(GetParam(), Sandbox::files().system().read(path("/in")));
  worker.start();
  EXPECT_EQ(worker.ask("try execute " + path("/in/true")), "EACCES");
}

}  // namespace
