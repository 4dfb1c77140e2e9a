// From places in an ELF file to the functions that they are in.
//
// Thread safety: free functions over values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "os/clock.hpp"
#include "os/fd.hpp"

namespace coproc::inline v0::process {

struct Symbol {
  std::string name;      // as in the source, where it can be demangled
  std::uint64_t offset;  // from the function's begin
};

/// For each of `addresses` (as the file itself counts: the address in memory less what the module was moved by when it
/// was loaded, which is nothing for a program at a fixed address) the function that it is in. From the file's .symtab,
/// where that was stripped from its .dynsym. A file that is damaged, no 64-bit ELF file of this byte order, or cannot be
/// read has no names; nor has one whose tables are larger than any program's, or not read until `deadline`.
enum class Names {
  trusted,
  strange,  // whose demangled form may be as long as its writer likes: names that refer to themselves often stay mangled
};
std::vector<std::optional<Symbol>> symbols_at(const os::Fd& file, std::span<const std::uint64_t> addresses,
                                              const os::Deadline& deadline, Names names);

}  // namespace coproc::inline v0::process
