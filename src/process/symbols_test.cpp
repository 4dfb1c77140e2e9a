#include "process/symbols.hpp"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <random>

#include "os/file.hpp"

using namespace coproc;
using namespace coproc::process;

namespace {

/// A small ELF file: header, sections (none, symbols, names), symbols, names.
struct Image {
  Elf64_Ehdr header{};
  Elf64_Shdr sections[3]{};
  Elf64_Sym symbols[8]{};
  char names[512]{};
};

class Symbols : public ::testing::Test {
 protected:
  Symbols() {
    std::memcpy(image_.header.e_ident, ELFMAG, SELFMAG);
    image_.header.e_ident[EI_CLASS] = ELFCLASS64;
    image_.header.e_ident[EI_DATA] = ELFDATA2LSB;
    image_.header.e_shoff = offsetof(Image, sections);
    image_.header.e_shentsize = sizeof(Elf64_Shdr);
    image_.header.e_shnum = 3;
    symbol_section().sh_type = SHT_SYMTAB;
    symbol_section().sh_entsize = sizeof(Elf64_Sym);
    symbol_section().sh_link = 2;
    symbol_section().sh_offset = offsetof(Image, symbols);
    symbol_section().sh_size = sizeof image_.symbols;
    name_section().sh_type = SHT_STRTAB;
    name_section().sh_offset = offsetof(Image, names);
    name_section().sh_size = sizeof image_.names;
    add("_ZN7indexer5parseEi", 0x1000, 0x100);
    add("weak_name", 0x2000, 0x10, STB_WEAK);
    add("global_name", 0x2000, 0x10);
    add("local_name", 0x2000, 0x10, STB_LOCAL);
    add("inner", 0x1080, 0x10);
  }

  Image& image() { return image_; }
  Elf64_Shdr& symbol_section() { return image_.sections[1]; }
  Elf64_Shdr& name_section() { return image_.sections[2]; }
  Elf64_Sym& symbol(std::size_t number) { return image_.symbols[number]; }

  /// "name+offset", or nothing.
  std::string at(std::uint64_t address, std::size_t file_bytes = sizeof(Image)) {
    const os::Fd file(::memfd_create("elf", MFD_CLOEXEC));
    EXPECT_EQ(::write(file.get(), &image_, file_bytes), ssize_t(file_bytes));
    const auto found = symbols_at(file, std::span(&address, 1), os::Deadline::forever(), Names::trusted).at(0);
    return found ? found->name + "+" + std::to_string(found->offset) : "";
  }

 private:
  void add(const char* name, std::uint64_t value, std::uint64_t size, unsigned char binding = STB_GLOBAL) {
    Elf64_Sym& symbol = image_.symbols[count_++];
    symbol.st_name = static_cast<Elf64_Word>(names_);
    symbol.st_info = static_cast<unsigned char>(ELF64_ST_INFO(binding, STT_FUNC));
    symbol.st_shndx = 1;
    symbol.st_value = value;
    symbol.st_size = size;
    std::strcpy(image_.names + names_, name);
    names_ += std::strlen(name) + 1;
  }

  Image image_;
  std::size_t count_ = 1;
  std::size_t names_ = 1;
};

TEST_F(Symbols, AFunctionIsFromItsFirstToItsLastByte) {
  EXPECT_EQ(at(0xFFF), "");
  EXPECT_EQ(at(0x1000), "indexer::parse(int)+0");
  EXPECT_EQ(at(0x10FF), "indexer::parse(int)+255");
  EXPECT_EQ(at(0x1100), "");
  EXPECT_EQ(at(std::numeric_limits<std::uint64_t>::max()), "");
}

TEST_F(Symbols, TheInnermostAndGlobalNameIsTaken) {
  EXPECT_EQ(at(0x1085), "inner+5");
  EXPECT_EQ(at(0x2001), "global_name+1");
}

TEST_F(Symbols, WhatIsNoFunctionOfThisFileIsNotTaken) {
  symbol(1).st_shndx = SHN_UNDEF;
  EXPECT_EQ(at(0x1000), "");
  symbol(1).st_shndx = 1;
  symbol(1).st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
  EXPECT_EQ(at(0x1000), "");
}

TEST_F(Symbols, AFunctionMayReachTheEndOfTheAddresses) {
  symbol(1).st_value = std::numeric_limits<std::uint64_t>::max() - 1;
  symbol(1).st_size = 100;
  EXPECT_EQ(at(std::numeric_limits<std::uint64_t>::max()), "indexer::parse(int)+1");
  EXPECT_EQ(at(10), "");
}

TEST_F(Symbols, AStrippedFileHasTheNamesOfItsDynamicSymbols) {
  symbol_section().sh_type = SHT_DYNSYM;
  EXPECT_EQ(at(0x1000), "indexer::parse(int)+0");
}

TEST_F(Symbols, ADamagedFileHasNoNames) {
  const Image good = image();
  const auto damaged = [&](auto damage) {
    image() = good;
    damage(image());
    return at(0x1000);
  };
  constexpr auto kHuge = std::numeric_limits<std::uint64_t>::max();
  EXPECT_NE(damaged([](Image&) {}), "");
  EXPECT_EQ(damaged([](Image& i) { i.header.e_ident[0] = 0; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.header.e_ident[EI_CLASS] = ELFCLASS32; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.header.e_ident[EI_DATA] = ELFDATA2MSB; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.header.e_shoff = kHuge; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.header.e_shoff = sizeof(Image) - 8; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.header.e_shnum = 0xFFFF; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.header.e_shnum = 0; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.header.e_shentsize = 1; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.sections[1].sh_entsize = 0; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.sections[1].sh_link = 3; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.sections[1].sh_link = 1; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.sections[1].sh_size = kHuge; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.sections[1].sh_offset = kHuge - 8; }), "");
  EXPECT_EQ(damaged([](Image& i) { i.sections[2].sh_size = sizeof(Image); }), "");
  EXPECT_EQ(damaged([](Image& i) { i.symbols[1].st_name = sizeof i.names; }), "");
  EXPECT_EQ(damaged([](Image& i) { std::memset(i.names, 'x', sizeof i.names); }), "");
}

TEST_F(Symbols, AFileThatEndsTooSoonHasNoNames) {
  EXPECT_NE(at(0x1000), "");
  for (std::size_t bytes = 0; bytes < sizeof(Image); ++bytes) ASSERT_EQ(at(0x1000, bytes), "") << bytes;
}

TEST_F(Symbols, RandomDamageIsHarmless) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Image good = image();
  for (int round = 0; round < 20'000; ++round) {
    image() = good;
    char bytes[sizeof(Image)];
    std::memcpy(bytes, &image(), sizeof bytes);
    for (std::uint64_t i = random() % 8; i-- > 0;) bytes[random() % sizeof bytes] = static_cast<char>(random());
    std::memcpy(&image(), bytes, sizeof bytes);
    (void)at(0x1000 + random() % 0x1100);
  }
}

TEST_F(Symbols, ATableThatIsLargerThanAnyProgramsIsNotRead) {
  std::uint64_t address = 0x1000;
  const auto found_in_table_of = [&](std::uint64_t bytes) {
    symbol_section().sh_size = bytes;
    const os::Fd file(::memfd_create("elf", MFD_CLOEXEC));
    EXPECT_EQ(::write(file.get(), &image(), sizeof(Image)), ssize_t(sizeof(Image)));
    EXPECT_EQ(::ftruncate(file.get(), off_t{1} << 42), 0);  // sparse: it takes no space, but time to be read
    return symbols_at(file, std::span(&address, 1), os::Deadline::forever(), Names::trusted).at(0).has_value();
  };
  EXPECT_TRUE(found_in_table_of(1024 * sizeof(Elf64_Sym)));
  EXPECT_FALSE(found_in_table_of(std::uint64_t{1} << 40));
}

TEST_F(Symbols, WhereTheTimeIsOverThereAreNoNames) {
  std::uint64_t address = 0x1000;
  const os::Fd file(::memfd_create("elf", MFD_CLOEXEC));
  EXPECT_EQ(::write(file.get(), &image(), sizeof(Image)), ssize_t(sizeof(Image)));
  EXPECT_FALSE(symbols_at(file, std::span(&address, 1), os::Deadline(std::chrono::seconds(0)), Names::trusted).at(0));
}

TEST_F(Symbols, AStrangersNameThatDoublesItselfStaysMangled) {
  // f(pair<pair<...>, pair<...>>): each level refers twice to the one before.
  std::string name = "_Z1fSt4pairIiiE";
  for (const char* before :
       {"S0_", "S1_", "S2_", "S3_", "S4_", "S5_", "S6_", "S7_", "S8_", "S9_", "SA_", "SB_", "SC_"}) {
    name += "St4pairI" + std::string(before) + before + "E";
  }
  ASSERT_LT(name.size() + 2, sizeof image().names);
  std::strcpy(image().names + 1, name.c_str());
  std::uint64_t address = 0x1000;
  const os::Fd file(::memfd_create("elf", MFD_CLOEXEC));
  EXPECT_EQ(::write(file.get(), &image(), sizeof(Image)), ssize_t(sizeof(Image)));
  const auto found = symbols_at(file, std::span(&address, 1), os::Deadline::forever(), Names::strange).at(0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, name);
}

}  // namespace
