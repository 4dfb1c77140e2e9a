#!/bin/sh
# Before the tests: notes which of coproc's and GoogleTest's files lie about, and empties the tests' temporary
# directory. After them: fails if there are more, or if a process runs whose program lies in the build directory.
#
#   leftovers.sh before|after <build directory>
set -eu
moment=$1 build_dir=$2
note=$build_dir/files_before_the_tests

files() {
  for file in "$build_dir"/tmp/* /tmp/*coproc* /tmp/gtest_* /tmp/captured_stream.* /dev/shm/*coproc*; do
    [ ! -e "$file" ] || echo "$file"
  done | sort
}

processes() {
  for exe in /proc/[0-9]*/exe; do
    program=$(readlink "$exe" 2>/dev/null) || continue
    case $program in "$build_dir"/*) echo "process $(echo "$exe" | cut -d/ -f3), which is $program" ;; esac
  done
}

if [ "$moment" = before ]; then
  rm -rf "$build_dir"/tmp/*
  files > "$note"
  exit 0
fi
found=$(processes; files | comm -13 "$note" -)
[ -z "$found" ] || { printf 'Left behind by the tests:\n%s\n' "$found"; exit 1; }
