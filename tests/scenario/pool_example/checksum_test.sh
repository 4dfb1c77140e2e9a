#!/bin/bash
# Runs coproc-checksum on a tree of its own.
set -eu
program=$1
test=$2

tree=$(mktemp -d "${TMPDIR:-/tmp}/coproc-checksum-XXXXXX")
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/a/b c"
head -c 300000 "$program" > "$tree/large"
for i in 1 2 3 4 5 6 7 8 9; do echo "text $i" > "$tree/a/$i"; done
: > "$tree/a/b c/empty"
printf 'x' > "$tree/a/b c/with space"

fail() { echo "$test: $*" >&2; exit 1; }
expected() { find "$tree" -type f "$@" -print0 | LC_ALL=C sort -z | xargs -0 cksum; }

case $test in
  same_as_cksum)
    "$program" --workers 3 "$tree" > "$tree.out" || fail "exit code $?"
    expected > "$tree.expected"
    cmp "$tree.out" "$tree.expected" || fail "it differs from cksum"
    rm "$tree.out" "$tree.expected"
    ;;
  survives_a_crash)
    code=0
    out=$("$program" --workers 2 --crash-on 5 --insights "$tree" 2> "$tree.err") || code=$?
    errors=$(cat "$tree.err")
    rm "$tree.err"
    [ "$code" = 1 ] || fail "exit code $code"
    [ "$out" = "$(expected ! -name 5)" ] || fail "others are missing or wrong: $out"
    grep -q "/a/5: worker [0-9]* (checksum) was killed by SIGABRT.*while it ran task" <<< "$errors" ||
      fail "it says: $errors"
    grep -q "slowest tasks:" <<< "$errors" || fail "no insights: $errors"
    ;;
  tells_what_it_cannot_read)
    rm "$tree/a/1"
    mkfifo "$tree/fifo"  # is no file
    ln -s nowhere "$tree/link"
    "$program" "$tree" > /dev/null || fail "exit code $?"
    code=0
    "$program" "$tree/missing" 2> /dev/null || code=$?
    [ "$code" = 2 ] || fail "exit code $code for a directory that is not there"
    ;;
  refuses)
    for arguments in "" "--workers 0 $tree" "--workers x $tree" "--time-limit -1 $tree" "--nonsense 1 $tree" \
        "$tree $tree" "--workers"; do
      code=0
      # shellcheck disable=SC2086  # these are several words
      "$program" $arguments > /dev/null 2>&1 || code=$?
      [ "$code" = 2 ] || fail "exit code $code for: $arguments"
    done
    ;;
esac
