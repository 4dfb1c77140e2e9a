#include "agent/bootstrap.hpp"

#include <string>

namespace coproc::inline v0::agent {

namespace {

/// $1: the agent's role; $2, $3: its build id and size; $4, $5: the program's, or nothing. A file that came is put in
/// its place only once it is whole. Several of these may do so at the same time. The shell of a login reads this before
/// /bin/sh does, and may be of another kind: so it is one line, and has no single quotes and no exclamation marks,
/// which csh would give a meaning.
constexpr const char* kScript =
    R"~(r="$1"; shift; c="${XDG_CACHE_HOME:-$HOME/.cache}/coproc"; )~"
    R"~(get() { d="$c/$2"; f="$d/$1"; t="$f.$$"; [ -x "$f" ] && return 0; )~"
    R"~(if mkdir -p "$d" && : >"$t" && chmod 700 "$d" "$t" && printf "\ncoproc-agent:$4\n" && head -c "$3" >"$t" )~"
    R"~(&& [ "$(wc -c <"$t")" -eq "$3" ] && mv "$t" "$f"; then return 0; fi; )~"
    R"~(rm -f "$t"; echo "coproc: $f could not be made" >&2; exit 126; }; )~"
    R"~(get coproc-agent "$1" "$2" A; a="$f"; )~"
    R"~(if [ -n "$3" ]; then get program "$3" "$4" P; exec "$a" "$r" "$f"; fi; exec "$a" "$r")~";

}  // namespace

std::string quoted_for_shell(std::string_view word) {
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += R"('\'')";
    } else {
      quoted += c;
    }
  }
  return quoted + '\'';
}

std::vector<std::string> bootstrap(const std::string& role, const Shipped& agent, const Shipped& program) {
  std::vector<std::string> words = {"/bin/sh", "-c", kScript, "sh", role, agent.build_id, std::to_string(agent.bytes)};
  if (!program.build_id.empty()) {
    words.push_back(program.build_id);
    words.push_back(std::to_string(program.bytes));
  }
  return words;
}

}  // namespace coproc::inline v0::agent
