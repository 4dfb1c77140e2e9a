#include "os/process_sample.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <system_error>
#include <thread>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "os/replace_file.hpp"

namespace coproc::inline v0::os {

using ::testing::Contains;
using ::testing::Not;

TEST(ProcessSample, IsThatOfTheProcess) {
  const auto sample = sample_process(::getpid());
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->name, "coproc_unit_tes");
  EXPECT_EQ(sample->state, 'R');
  EXPECT_EQ(sample->parent, ::getppid());
  EXPECT_GT(sample->resident_bytes, 1'000'000u);
  EXPECT_GT(sample->shared_bytes, 0u);
  EXPECT_LT(sample->shared_bytes, sample->resident_bytes);
  EXPECT_GT(sample->peak_bytes, 1'000'000u);
}

TEST(ProcessSample, CountsThreadsAndTheTimeOfThoseThatHaveEnded) {
  const auto before = sample_process(::getpid());
  std::uint32_t with_thread = 0;
  std::thread([&] {
    while (sample_process(::getpid())->processor_time < before->processor_time + std::chrono::milliseconds(5)) {}
    with_thread = sample_process(::getpid())->threads;
  }).join();
  EXPECT_EQ(with_thread, before->threads + 1);
  EXPECT_GE(sample_process(::getpid())->processor_time, before->processor_time + std::chrono::milliseconds(5));
}

TEST(ProcessSample, OfAProcessThatIsGoneThereIsNone) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(sample_process(child));
  EXPECT_TRUE(children_of(child).empty());
}

TEST(ProcessSample, FindsTheChildrenOfEveryThread) {
  pid_t child = 0;
  bool was_found = false, was_found_of_thread = false;
  std::thread([&] {
    child = ::fork();
    while (child == 0) ::pause();
    const auto children = children_of(::getpid());
    was_found_of_thread = std::find(children.begin(), children.end(), child) != children.end();
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }).join();
  const auto children = children_of(::getpid());
  was_found = std::find(children.begin(), children.end(), child) != children.end();
  EXPECT_TRUE(was_found_of_thread);
  EXPECT_FALSE(was_found);
}

namespace {

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / "coproc-file-test-XXXXXX") {
    std::string name = path_;
    path_ = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const char* name) const { return path_ / name; }
  std::vector<std::string> names() const { return names_in(path_); }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST(ReplaceFile, LeavesOneFileWithTheNewContents) {
  const Folder folder;
  replace_file(folder / "x", "a long text");
  replace_file(folder / "x", "short");
  EXPECT_EQ(read_text(folder / "x"), "short");
  EXPECT_THAT(folder.names(), ::testing::ElementsAre("x"));
}

TEST(ReplaceFile, TakesPiecesAndKeepsTheOldContentsIfTheyFail) {
  const Folder folder;
  replace_file(folder / "x", [](const WritePiece& write) {
    write("one, ");
    write("two");
  });
  EXPECT_EQ(read_text(folder / "x"), "one, two");
  const auto fail = [](const WritePiece& write) {
    write("half");
    throw std::bad_alloc();
  };
  EXPECT_THROW(replace_file(folder / "x", fail), std::bad_alloc);
  EXPECT_EQ(read_text(folder / "x"), "one, two");
  EXPECT_THAT(folder.names(), ::testing::ElementsAre("x"));
}

TEST(ReplaceFile, FollowsALinkInsteadOfReplacingIt) {
  const Folder folder;
  replace_file(folder / "x", "old");
  std::filesystem::create_symlink("x", folder / "link");
  replace_file(folder / "link", "new");
  EXPECT_EQ(read_text(folder / "x"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
}

TEST(ReplaceFile, SaysIfItCannotWrite) {
  EXPECT_THROW(replace_file("/dev/full", "text"), std::system_error);
  EXPECT_THROW(replace_file("/nowhere/x", "text"), std::system_error);
}

TEST(AppendToFile, AddsToTheEnd) {
  const Folder folder;
  append_to_file(folder / "log", "one\n");
  append_to_file(folder / "log", "two\n");
  EXPECT_EQ(read_text(folder / "log"), "one\ntwo\n");
  EXPECT_THROW(append_to_file("/dev/full", "text"), std::system_error);
}

}  // namespace coproc::inline v0::os
