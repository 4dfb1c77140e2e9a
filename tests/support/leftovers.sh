#!/bin/sh
# Fails if a process runs whose program lies in the build directory, or if coproc's or GoogleTest's files lie about.
#
#   leftovers.sh <build directory>
set -eu
build_dir=$1
found=""

for exe in /proc/[0-9]*/exe; do
  program=$(readlink "$exe" 2>/dev/null) || continue
  case $program in
    "$build_dir"/*) found="$found
process $(echo "$exe" | cut -d/ -f3) still runs: $program" ;;
  esac
done

for file in "$build_dir"/tmp/* /tmp/coproc* /tmp/gtest_* /tmp/captured_stream.* /dev/shm/*coproc*; do
  [ ! -e "$file" ] || found="$found
file left behind: $file"
done

[ -z "$found" ] || { echo "Left behind after the tests:$found"; exit 1; }
