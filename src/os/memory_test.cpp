#include "os/memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>

#include "os/child_for_test.hpp"

namespace os = coproc::os;

namespace {

TEST(SharedMemory, IsZeroedAndSharedWithAChild) {
  const os::SharedMemory memory = os::create_sealed_memory("test", 4096);
  ASSERT_EQ(memory.mapping.size(), 4096U);
  EXPECT_EQ(memory.mapping.data()[4095], std::byte{0});
  os::testing::in_child([&] {
    memory.mapping.data()[4095] = std::byte{7};
    return 0;
  });
  EXPECT_EQ(memory.mapping.data()[4095], std::byte{7});
  const os::Mapping second = os::map_shared(memory.fd, 4096);
  EXPECT_EQ(second.data()[4095], std::byte{7});
}

/// The flags of the mapping that holds `address`, as /proc/self/smaps has them.
std::string flags_of(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool is_in_it = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%zx-%zx ", &begin, &end) == 2) is_in_it = begin <= wanted && wanted < end;
    if (is_in_it && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

TEST(PrivateMemory, MayHaveHugePages) {
  if (::access("/sys/kernel/mm/transparent_hugepage", F_OK) != 0) GTEST_SKIP() << "this kernel has no huge pages";
  constexpr std::size_t kBytes = 16 << 20;
  const std::unique_ptr<std::byte[]> memory(new std::byte[kBytes]);
  std::byte* const inner = memory.get() + 12345;
  EXPECT_EQ(flags_of(inner + 8192).find(" hg "), std::string::npos);
  errno = 7;
  os::prefer_huge_pages(inner, 100);  // holds no whole page
  EXPECT_EQ(flags_of(inner + 8192).find(" hg "), std::string::npos);
  os::prefer_huge_pages(inner, kBytes - 20000);
  EXPECT_NE(flags_of(inner + 8192).find(" hg "), std::string::npos);
  EXPECT_EQ(flags_of(memory.get() + 4096).find(" hg "), std::string::npos) << "beyond what was given";
  EXPECT_EQ(errno, 7);
}

TEST(SharedMemory, ItsSizeCannotBeChanged) {
  const os::SharedMemory memory = os::create_sealed_memory("test", 8192);
  EXPECT_NE(::ftruncate(memory.fd.get(), 0), 0);
  EXPECT_NE(::ftruncate(memory.fd.get(), 16384), 0);
  EXPECT_NE(::fcntl(memory.fd.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
}

TEST(SharedMemory, ALimitOnFileSizesIsAnErrorAndNotASignal) {
  EXPECT_EQ(os::testing::in_child([] {
              const rlimit limit{4096, 4096};
              ::setrlimit(RLIMIT_FSIZE, &limit);
              const os::SharedMemory fits = os::create_sealed_memory("fits", 4096);
              try {
                const os::SharedMemory too_large = os::create_sealed_memory("too large", 4097);
              } catch (const std::system_error& error) {
                return error.code().value() == EFBIG ? 0 : 1;
              }
              return 2;
            }),
            0);
}

TEST(SharedMemory, AnImpossibleSizeIsAnError) {
  EXPECT_THROW((void)os::create_sealed_memory("test", ~std::size_t{0}), std::system_error);
  EXPECT_THROW((void)os::map_shared(os::Fd(), 4096), std::system_error);
}

TEST(Mapping, MovesAndUnmapsOnce) {
  os::SharedMemory memory = os::create_sealed_memory("test", 4096);
  os::Mapping moved = std::move(memory.mapping);
  EXPECT_FALSE(memory.mapping);  // NOLINT: that a moved-from Mapping is empty is what is tested
  EXPECT_TRUE(moved);
  moved.unmap();
  EXPECT_EQ(moved.data(), nullptr);
  EXPECT_EQ(moved.size(), 0U);
  moved = os::map_shared(memory.fd, 4096);
  EXPECT_NE(moved.data(), nullptr);
}

}  // namespace
