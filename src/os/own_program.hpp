// How the program of this process is executed once more: the very file that runs here, and no other that has its name now.
//
// Thread safety: any thread, but for note_own_program().
#pragma once

#include <string>
#include <vector>

namespace coproc::inline v0::os {

/// To be called by the process's first thread before anything can have changed its directory or root: remembers how the
/// program was executed, for where /proc does not say it.
void note_own_program(int argc) noexcept;

/// A path of the program's file: its name, where that leads to what runs here; else a link of the system's that does so.
/// Throws std::system_error where there is neither: /proc is missing, and the file has no name here (any more).
std::string own_program();

/// The same for texts: never throws, and may be empty.
std::string own_program_name() noexcept;

struct Command {
  std::string path;
  std::vector<std::string> arguments;  // up to the program's name
};
/// What executes it, which is more than its path where it was started through the dynamic loader (`ld.so program`). Throws
/// std::system_error.
Command own_command();

}  // namespace coproc::inline v0::os
