#!/bin/sh
# Fails if the shared library exports more than coproc's public names: nothing of the layers, of `detail` only what is
# marked COPROC_API in a public header, and of C's names those that coproc/c.h declares. Templates of the standard
# library are exported by the compiler's own rule, and __libc_start_main is how processes that are executed to become
# workers are taken over (src/worker/entry.cpp).
#
#   visibility.sh <prefix>
set -eu
library=$(find "$1" -name 'libcoproc.so' | head -n 1)
header=$(find "$1" -path '*/coproc/c.h' | head -n 1)
# Lines of: kind, name.
exported=$(nm --dynamic --defined-only --demangle "$library" | cut -d' ' -f2-)

echo "$exported" | grep -q 'coproc::v0::Error::~Error()' || { echo "not even coproc::Error is exported"; exit 1; }

exported_c=$(echo "$exported" | sed -n 's/^T \(coproc_[a-z_]*\)$/\1/p' | sort)
declared_c=$(sed -n 's/^COPROC_C_API .*\(coproc_[a-z_]*\)(.*/\1/p' "$header" | sort)
[ -n "$declared_c" ] && [ "$exported_c" = "$declared_c" ] ||
  { printf 'Of C are exported:\n%s\nand declared:\n%s\n' "$exported_c" "$declared_c"; exit 1; }

generated='(vtable|VTT|typeinfo|typeinfo name) for |(non-)?virtual thunk to '
unwanted=$(echo "$exported" | grep -vE "^[a-zA-Z] ($generated)?coproc::v0::" |
  grep -vE '^[uVW] .*std::|^W __libc_start_main$|^T coproc_[a-z_]*$' || true)
layers=$(echo "$exported" | grep -E 'coproc::v0::(os|ring|sandbox|link|trace|messenger|process|worker|c_api)::' || true)
[ -z "$unwanted$layers" ] || { printf 'Exported, but not public:\n%s\n%s\n' "$unwanted" "$layers"; exit 1; }
