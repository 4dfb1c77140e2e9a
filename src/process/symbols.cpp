#include "process/symbols.hpp"

#include <cxxabi.h>
#include <elf.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "os/file.hpp"

namespace coproc::inline v0::process {

namespace {

constexpr std::size_t kLongestName = 4096;
/// The largest symbol table that is read: nearly three million symbols.
constexpr std::uint64_t kLargestTable = std::uint64_t{64} << 20;
/// Each reference in a mangled name to an earlier part of it may double the size of the result.
constexpr std::ptrdiff_t kMostReferences = 24;

/// A range that lies within the file.
struct Part {
  std::uint64_t offset;
  std::uint64_t size;
};

class ElfFile {
 public:
  explicit ElfFile(const os::Fd& file) : file_(file), size_(os::size_of(file)) {}

  /// The section headers; none if this is not such a file.
  std::vector<Elf64_Shdr> sections() const {
    Elf64_Ehdr header{};
    if (!read({0, sizeof header}, 0, std::as_writable_bytes(std::span(&header, 1)))) return {};
    constexpr auto kByteOrder = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_ident[EI_DATA] != kByteOrder || header.e_shentsize != sizeof(Elf64_Shdr)) {
      return {};
    }
    std::vector<Elf64_Shdr> all(header.e_shnum);
    const Part table{header.e_shoff, all.size() * sizeof(Elf64_Shdr)};
    if (!read(table, 0, std::as_writable_bytes(std::span(all)))) return {};
    return all;
  }

  bool holds(const Part& part) const { return part.offset <= size_ && part.size <= size_ - part.offset; }

  /// Fills `bytes` from `offset` in `part` on. False: that is outside of the part or of the file.
  bool read(const Part& part, std::uint64_t offset, std::span<std::byte> bytes) const {
    if (!holds(part) || offset > part.size || bytes.size() > part.size - offset) return false;
    return os::read_at(file_, part.offset + offset, bytes);
  }

 private:
  const os::Fd& file_;
  std::uint64_t size_;
};

struct SymbolTable {
  Part symbols;
  Part names;
};

/// The first section of this type.
std::optional<SymbolTable> table_of(const ElfFile& file, std::span<const Elf64_Shdr> sections, Elf64_Word type) {
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != type || section.sh_entsize != sizeof(Elf64_Sym) || section.sh_link >= sections.size()) {
      continue;
    }
    const Elf64_Shdr& names = sections[section.sh_link];
    const SymbolTable table{{section.sh_offset, section.sh_size}, {names.sh_offset, names.sh_size}};
    if (table.symbols.size > kLargestTable) continue;
    if (names.sh_type == SHT_STRTAB && file.holds(table.symbols) && file.holds(table.names)) return table;
  }
  return std::nullopt;
}

bool is_function_at(const Elf64_Sym& symbol, std::uint64_t address) {
  const auto type = ELF64_ST_TYPE(symbol.st_info);
  return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol.st_shndx != SHN_UNDEF && address >= symbol.st_value &&
         address - symbol.st_value < symbol.st_size;
}

/// If several symbols cover a place, the one that begins last counts, and of those a global one.
bool is_better(const Elf64_Sym& symbol, const Elf64_Sym& than) {
  if (symbol.st_value != than.st_value) return symbol.st_value > than.st_value;
  return ELF64_ST_BIND(symbol.st_info) == STB_GLOBAL && ELF64_ST_BIND(than.st_info) != STB_GLOBAL;
}

/// A table may have millions of symbols: they are read once, for all addresses, and not kept. Nothing if the time is
/// over before.
std::vector<std::optional<Elf64_Sym>> find(const ElfFile& file, const Part& symbols,
                                           std::span<const std::uint64_t> addresses, const os::Deadline& deadline) {
  std::vector<std::optional<Elf64_Sym>> found(addresses.size());
  std::array<Elf64_Sym, 1024> chunk;
  const std::uint64_t count = symbols.size / sizeof(Elf64_Sym);
  for (std::uint64_t first = 0; first < count; first += chunk.size()) {
    if (deadline.passed()) return std::vector<std::optional<Elf64_Sym>>(addresses.size());
    const auto some = std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), count - first));
    if (!file.read(symbols, first * sizeof(Elf64_Sym), std::as_writable_bytes(some))) break;
    for (const Elf64_Sym& symbol : some) {
      for (std::size_t i = 0; i < addresses.size(); ++i) {
        if (is_function_at(symbol, addresses[i]) && (!found[i] || is_better(symbol, *found[i]))) found[i] = symbol;
      }
    }
  }
  return found;
}

std::string demangled(const char* name, Names names) {
  const std::string_view text_of_it(name);
  const bool is_risky = names == Names::strange && std::count(text_of_it.begin(), text_of_it.end(), 'S') +
                                                           std::count(text_of_it.begin(), text_of_it.end(), 'T') >
                                                       kMostReferences;
  if (is_risky) return name;
  struct Free {
    void operator()(char* text) const { std::free(text); }
  };
  int status = 0;
  const std::unique_ptr<char, Free> text(abi::__cxa_demangle(name, nullptr, nullptr, &status));
  return text ? text.get() : name;
}

/// Empty if there is none, or if it has no zero byte at its end.
std::string name_at(const ElfFile& file, const Part& names, std::uint64_t offset, Names kind) {
  if (offset >= names.size) return {};
  std::array<char, kLongestName> text;
  const auto some = std::span(text).first(std::min<std::uint64_t>(text.size(), names.size - offset));
  if (!file.read(names, offset, std::as_writable_bytes(some))) return {};
  if (std::find(some.begin(), some.end(), '\0') == some.end()) return {};
  return demangled(text.data(), kind);
}

}  // namespace

std::vector<std::optional<Symbol>> symbols_at(const os::Fd& fd, std::span<const std::uint64_t> addresses,
                                              const os::Deadline& deadline, Names names) {
  std::vector<std::optional<Symbol>> result(addresses.size());
  const ElfFile file(fd);
  const std::vector<Elf64_Shdr> sections = file.sections();
  auto table = table_of(file, sections, SHT_SYMTAB);
  if (!table) table = table_of(file, sections, SHT_DYNSYM);
  if (!table) return result;
  const auto found = find(file, table->symbols, addresses, deadline);
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (!found[i]) continue;
    std::string name = name_at(file, table->names, found[i]->st_name, names);
    if (!name.empty()) result[i] = Symbol{std::move(name), addresses[i] - found[i]->st_value};
  }
  return result;
}

}  // namespace coproc::inline v0::process
