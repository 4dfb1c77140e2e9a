// Finds the functions in which given places of an ELF file are.
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
  std::string name;      // as in the source, if it can be demangled
  std::uint64_t offset;  // from the beginning of the function
};

/// The function of each of `addresses`. These count as the file itself does: the address in memory, less what the
/// module was moved by when it was loaded (nothing for a program at a fixed address). Uses the file's .symtab, or
/// .dynsym if that was stripped. There are no names if the file is damaged, cannot be read, or is no 64-bit ELF file
/// of this byte order; nor if its tables are larger than any program's, or not read by `deadline`.
enum class Names {
  trusted,
  strange,  // untrusted: a name may be made to grow when demangled, so that names with many references stay mangled
};
std::vector<std::optional<Symbol>> symbols_at(const os::Fd& file, std::span<const std::uint64_t> addresses,
                                              const os::Deadline& deadline, Names names);

}  // namespace coproc::inline v0::process
