#!/bin/sh
# Prints how long a file takes to compile that includes <coproc/coproc.hpp> and starts one worker, beside a file that
# includes only the parts of the standard library that most programs include anyway. Nothing is asserted.
#
#   bench/compile_time.sh [compiler]...     by default g++ and clang++-16
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

cat > "$work/standard_library.cpp" <<'EOF'
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
int main() {}
EOF
cat > "$work/include_only.cpp" <<'EOF'
#include <coproc/coproc.hpp>
int main() {}
EOF
cat > "$work/one_worker.cpp" <<'EOF'
#include <coproc/coproc.hpp>
void echo(coproc::PriorityMessenger& host) {
  for (;;) host.send_norequest(host.receive_blocking<std::string>());
}
int main() {
  coproc::WorkerResource worker{echo};
  worker.start();
  worker.messenger().send_norequest("hello");
  return worker.messenger().receive_blocking<std::string>() == "hello" ? 0 : 1;
}
EOF

[ $# -gt 0 ] || set -- g++ clang++-16
for compiler; do
  command -v "$compiler" >/dev/null || continue
  for file in standard_library include_only one_worker; do
    best=""
    for _ in 1 2 3 4 5; do
      begin=$(date +%s%N)
      "$compiler" -std=c++20 -O2 -I"$root/include" -c "$work/$file.cpp" -o "$work/$file.o"
      took=$((($(date +%s%N) - begin) / 1000000))
      if [ -z "$best" ] || [ "$took" -lt "$best" ]; then best=$took; fi
    done
    printf '%-12s %-18s %6d ms (best of 5, -O2)\n' "$compiler" "$file" "$best"
  done
done
