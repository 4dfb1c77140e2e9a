#include "os/foreign_memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/mount.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "os/memory.hpp"
#include "os/pipe.hpp"

namespace coproc::inline v0::os {

namespace {

const std::string kName = "foreign-test";

/// A child that runs `prepare`, says so, and waits to be killed.
class Child {
 public:
  template <class Prepare>
  explicit Child(Prepare prepare) {
    Pipe ready = Pipe::create_for_input();
    pid_ = ::fork();
    if (pid_ == 0) {
      prepare();
      (void)!::write(ready.write_end.get(), "x", 1);
      for (;;) ::pause();
    }
    ready.write_end.reset();
    char byte = 0;
    EXPECT_EQ(::read(ready.read_end.get(), &byte, 1), 1);
  }
  ~Child() { end(); }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

std::byte first_byte(const ForeignMemory& memory) {
  std::array<std::byte, 1> byte{};
  EXPECT_TRUE(memory.read(0, byte));
  return byte[0];
}

}  // namespace

TEST(ForeignMemory, OfAnotherProcessIsFoundAndReadInBothWays) {
  SharedMemory own = create_sealed_memory(kName.c_str(), 8192);
  own.mapping.data()[0] = std::byte{42};
  const Child child([] {});
  const MappedMemories found = mapped_memories_of(child.pid(), kName);
  ASSERT_EQ(found.error_number, 0);
  ASSERT_EQ(found.all.size(), 1u);
  EXPECT_EQ(found.all[0].file, id_of(own.fd.get()));
  EXPECT_EQ(found.all[0].address, reinterpret_cast<std::uint64_t>(own.mapping.data()));

  const auto descriptors = memory_descriptors_of(child.pid(), kName);
  ASSERT_EQ(descriptors.size(), 1u);
  EXPECT_EQ(descriptors[0].file, found.all[0].file);
  const auto by_descriptor = ForeignMemory::by_descriptor(child.pid(), descriptors[0]);
  const auto by_place = ForeignMemory::by_place(child.pid(), found.all[0].address);
  ASSERT_TRUE(by_descriptor);
  EXPECT_EQ(first_byte(by_descriptor), std::byte{42});
  EXPECT_EQ(first_byte(by_place), std::byte{42});
  std::array<std::byte, 2> beyond{};
  EXPECT_FALSE(by_descriptor.read(8191, beyond));
}

TEST(ForeignMemory, ThatWasTruncatedIsNotReadInsteadOfRaisingSigbus) {
  const Fd fd(::memfd_create(kName.c_str(), MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(fd.get(), 8192), 0);
  const Mapping mapping = map_shared(fd, 8192);
  const Child child([] {});
  const MappedMemories found = mapped_memories_of(child.pid(), kName);
  ASSERT_EQ(found.all.size(), 1u);
  const auto descriptors = memory_descriptors_of(child.pid(), kName);
  ASSERT_EQ(descriptors.size(), 1u);
  EXPECT_EQ(descriptors[0].file, found.all[0].file);
  const auto by_descriptor = ForeignMemory::by_descriptor(child.pid(), descriptors[0]);
  const auto by_place = ForeignMemory::by_place(child.pid(), found.all[0].address);
  ASSERT_TRUE(by_descriptor);
  ASSERT_EQ(::ftruncate(fd.get(), 0), 0);
  std::array<std::byte, 64> bytes{};
  EXPECT_FALSE(by_descriptor.read(0, bytes));
  EXPECT_FALSE(by_place.read(0, bytes));
}

TEST(ForeignMemory, OtherNamesAndPrivateMappingsAreLeftOut) {
  const SharedMemory other = create_sealed_memory("foreign-test2", 4096);
  const SharedMemory ends_alike = create_sealed_memory("x /memfd:foreign-test", 4096);
  const SharedMemory own = create_sealed_memory(kName.c_str(), 4096);
  const Child child([&] {
    (void)::munmap(own.mapping.data(), 4096);
    if (::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, own.fd.get(), 0) == MAP_FAILED) ::_exit(1);
  });
  EXPECT_TRUE(mapped_memories_of(child.pid(), kName).all.empty());
  EXPECT_EQ(mapped_memories_of(::getpid(), kName).all.size(), 1u);
}

TEST(ForeignMemory, AFileOfThisNameThatIsNoMemoryIsNeverOpened) {
  // /proc shows a removed file "/memfd:foreign-test" of another root as it shows memory of this name.
  const std::string folder = testing::TempDir() + "foreign-" + std::to_string(::getpid());
  ASSERT_EQ(::mkdir(folder.c_str(), 0700), 0);
  const Fd root(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, folder.c_str(), OPEN_TREE_CLONE | O_CLOEXEC)));
  const std::string name = "memfd:" + kName;
  const Fd file(root ? ::openat(root.get(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1);
  if (file) ::unlinkat(root.get(), name.c_str(), 0);
  ::rmdir(folder.c_str());
  if (!file) GTEST_SKIP() << "only root can make such a file";
  std::array<char, 64> text{};
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  ASSERT_GT(::readlink(path.c_str(), text.data(), text.size() - 1), 0);
  ASSERT_EQ(std::string(text.data()), "/memfd:foreign-test (deleted)");
  EXPECT_TRUE(memory_descriptors_of(::getpid(), kName).empty());
}

TEST(ForeignMemory, ADescriptorThatLeadsElsewhereByNowIsNotOpened) {
  const SharedMemory own = create_sealed_memory(kName.c_str(), 4096);
  const auto descriptors = memory_descriptors_of(::getpid(), kName);
  ASSERT_EQ(descriptors.size(), 1u);
  ASSERT_TRUE(ForeignMemory::by_descriptor(::getpid(), descriptors[0]));
  EXPECT_FALSE(ForeignMemory::by_descriptor(::getpid(), {descriptors[0].file, STDIN_FILENO}));
}

TEST(ForeignMemory, OfAProcessThatIsGoneThereIsNone) {
  Child child([] {});
  const pid_t pid = child.pid();
  child.end();
  const MappedMemories found = mapped_memories_of(pid, kName);
  EXPECT_TRUE(found.all.empty());
  EXPECT_EQ(found.error_number, ENOENT);
  EXPECT_TRUE(memory_descriptors_of(pid, kName).empty());
  EXPECT_FALSE(ForeignMemory::by_descriptor(pid, {{}, 0}));
  std::array<std::byte, 1> byte{};
  EXPECT_FALSE(ForeignMemory::by_place(pid, 4096).read(0, byte));
  EXPECT_FALSE(ForeignMemory().read(0, byte));
}

}  // namespace coproc::inline v0::os
