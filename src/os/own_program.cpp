#include "os/own_program.hpp"

#include <elf.h>
#include <limits.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/file.hpp"

namespace coproc::inline v0::os {

namespace {

constexpr const char* kLink = "/proc/self/exe";

/// How this program was executed. Written once, in the process's first moments.
struct Noted {
  char path[PATH_MAX] = {};
  std::optional<FileId> id;
  const Command* by_loader = nullptr;  // never destroyed; null: the kernel has loaded the program itself
};
constinit Noted noted;

/// Whether this program, which needs a loader, was given none by the kernel: then the kernel has loaded the loader as
/// the program.
bool is_started_by_loader() noexcept {
  if (::getauxval(AT_BASE) != 0) return false;
  const auto* header = reinterpret_cast<const ElfW(Phdr)*>(::getauxval(AT_PHDR));
  if (header == nullptr) return false;
  for (auto left = ::getauxval(AT_PHNUM); left > 0; --left, ++header) {
    if (header->p_type == PT_INTERP) return true;
  }
  return false;
}

/// The path to which /proc/self/exe leads, if that is still the file itself; else the link, which always leads to it.
/// Under valgrind the link itself leads to valgrind, and its path to the program.
std::string executed_file() {
  char path[PATH_MAX];
  const ssize_t length = call_retried([&] { return ::readlink(kLink, path, sizeof path - 1); });
  if (length < 0) throw_errno("readlink", kLink);
  path[length] = '\0';
  const auto named = id_of_path(path);
  return named && (named == id_of_path(kLink) || named == noted.id) ? path : kLink;
}

/// The arguments of the loader: all of this process's, less those that the program's main is given.
std::unique_ptr<Command> command_of_loader(int argc) {
  const std::string text = read_text("/proc/self/cmdline").value_or("");
  auto command = std::make_unique<Command>();
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view argument = rest.substr(0, rest.find('\0'));
    command->arguments.emplace_back(argument);
    rest.remove_prefix(std::min(rest.size(), argument.size() + 1));
  }
  const auto own = static_cast<std::size_t>(argc);
  if (argc < 1 || command->arguments.size() <= own) return nullptr;
  command->arguments.resize(command->arguments.size() - own);
  command->arguments.emplace_back(noted.path);
  command->path = executed_file();
  return command;
}

}  // namespace

void note_own_program(int argc) noexcept {
  const auto* const name = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  if (name == nullptr || noted.path[0] != '\0') return;
  const int saved = errno;
  if (name[0] != '/' && ::getcwd(noted.path, sizeof noted.path) != nullptr) std::strcat(noted.path, "/");
  if (std::strlen(noted.path) + std::strlen(name) < sizeof noted.path) {
    std::strcat(noted.path, name);
    noted.id = id_of_path(noted.path);
  }
  try {
    if (noted.id && is_started_by_loader()) noted.by_loader = command_of_loader(argc).release();
  } catch (const std::exception&) {
    // The file may still be executed without the loader.
  }
  errno = saved;
}

std::string own_program() {
  const bool is_there = noted.id && id_of_path(noted.path) == noted.id;
  if (is_there && noted.by_loader != nullptr) return noted.path;
  try {
    return executed_file();
  } catch (const std::system_error&) {
    if (!is_there) throw;
    return noted.path;
  }
}

std::string own_program_name() noexcept {
  try {
    return own_program();
  } catch (const std::exception&) {
    return noted.path;
  }
}

Command own_command() {
  if (noted.by_loader != nullptr) return *noted.by_loader;
  std::string path = own_program();
  return {path, {path}};
}

}  // namespace coproc::inline v0::os
