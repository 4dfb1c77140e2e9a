#include "process/code_ref.hpp"

#include <elf.h>
#include <link.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "process/start_stage.hpp"

namespace coproc::inline v0::process {

namespace {

std::span<const ElfW(Phdr)> segments(const dl_phdr_info& module) { return {module.dlpi_phdr, module.dlpi_phnum}; }

/// Whether the module has code at `offset` from its load address. (That is not the address of its first byte, if the
/// program is not position-independent.)
bool has_code_at(const dl_phdr_info& module, std::uintptr_t offset) {
  for (const auto& segment : segments(module)) {
    const bool is_code = segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0;
    if (is_code && offset >= segment.p_vaddr && offset - segment.p_vaddr < segment.p_memsz) return true;
  }
  return false;
}

std::string build_id_of(const dl_phdr_info& module) {
  constexpr std::string_view kOwner("GNU", 4);  // with its NUL
  const auto aligned = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  for (const auto& segment : segments(module)) {
    if (segment.p_type != PT_NOTE) continue;
    const char* at = reinterpret_cast<const char*>(module.dlpi_addr + segment.p_vaddr);
    const char* const end = at + segment.p_memsz;
    while (static_cast<std::size_t>(end - at) >= sizeof(ElfW(Nhdr))) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const char* const name = at + sizeof note;
      const char* const value = name + aligned(note.n_namesz);
      if (note.n_type == NT_GNU_BUILD_ID && std::string_view(name, note.n_namesz) == kOwner) {
        return {value, note.n_descsz};
      }
      at = value + aligned(note.n_descsz);
    }
  }
  return {};
}

struct Search {
  std::uintptr_t address = 0;  // to look for, or found
  CodeRef name;
  std::string path;
  bool is_found = false;
};

}  // namespace

CodeRef name_code(Function function) {
  Search search;
  search.address = reinterpret_cast<std::uintptr_t>(function);
  ::dl_iterate_phdr(
      [](dl_phdr_info* module, std::size_t, void* to) {
        auto& wanted = *static_cast<Search*>(to);
        const std::uintptr_t offset = wanted.address - module->dlpi_addr;
        if (!has_code_at(*module, offset)) return 0;
        wanted.name = {build_id_of(*module), offset};
        wanted.path = module->dlpi_name;
        wanted.is_found = true;
        return 1;
      },
      &search);
  if (search.is_found && !search.name.is_null()) return search.name;
  const std::string where = search.path.empty() ? "this program" : search.path;
  throw StartReport{StartStage::code, 0,
                    search.is_found ? where +
                                          " has no build id by which the target could be found in a new process: link "
                                          "it with -Wl,--build-id, or choose StartMethod::fork"
                                    : "its target is not code of a loaded module: choose StartMethod::fork"};
}

std::string own_build_id() {
  std::string id;
  // The first module is the program itself.
  ::dl_iterate_phdr(
      [](dl_phdr_info* module, std::size_t, void* to) {
        *static_cast<std::string*>(to) = build_id_of(*module);
        return 1;
      },
      &id);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

Function find_code(const CodeRef& name) {
  Search search;
  search.name = name;
  ::dl_iterate_phdr(
      [](dl_phdr_info* module, std::size_t, void* to) {
        auto& wanted = *static_cast<Search*>(to);
        if (build_id_of(*module) != wanted.name.build_id) return 0;
        wanted.is_found = has_code_at(*module, wanted.name.offset);
        wanted.address = module->dlpi_addr + wanted.name.offset;
        return 1;
      },
      &search);
  if (!name.is_null() && search.is_found) return reinterpret_cast<Function>(search.address);
  throw StartReport{StartStage::code, 0,
                    "its target was not found in the new process: the module that holds it is not loaded there (was it "
                    "loaded with dlopen?), or its file has changed since the host began; choose StartMethod::fork, or "
                    "begin the host anew"};
}

}  // namespace coproc::inline v0::process
