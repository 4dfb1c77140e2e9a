// `coproc doctor`: what this machine lacks for coproc, each with a remedy.
#pragma once

namespace command {

/// Prints a line for each finding, with a remedy where one is needed. Returns 0, or 1 if something fails.
int doctor(bool wants_json);

}  // namespace command
