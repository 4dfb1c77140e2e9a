// How to execute the program of this process once more: the very file that runs here, and no other that has its name
// now.
//
// Thread safety: any thread, but for note_own_program().
#pragma once

#include <string>
#include <vector>

namespace coproc::inline v0::os {

/// Call in the process's first thread before anything can have changed its directory or root. Stores how the program
/// was executed, in case /proc does not tell.
void note_own_program(int argc) noexcept;

/// A path of the program's file: its name, if that leads to the file that runs here; else a link of the system's that
/// does. Throws std::system_error if there is neither: /proc is missing, and the file has no name here (any more).
std::string own_program();

/// The same for messages: never throws, and may be empty.
std::string own_program_name() noexcept;

struct Command {
  std::string path;
  std::vector<std::string> arguments;  // up to the program's name
};
/// How to execute it, which takes more than its path if it was started through the dynamic loader (`ld.so program`).
/// Throws std::system_error.
Command own_command();

}  // namespace coproc::inline v0::os
