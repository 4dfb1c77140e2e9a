#!/bin/sh
# Runs a test program in many processes at once, a share of its tests in each: for tests that wait for most of their
# time, and leave the processors idle. Prints what the shares print that failed, and fails if one has.
#
#   at_once.sh <number of processes> <program> [argument]...
set -u
shares=$1
shift
output=$(mktemp -d)
processes=""
trap 'kill $processes 2>/dev/null; rm -rf "$output"; exit 1' INT TERM

share=0
while [ "$share" -lt "$shares" ]; do
  GTEST_TOTAL_SHARDS=$shares GTEST_SHARD_INDEX=$share "$@" > "$output/$share" 2>&1 &
  processes="$processes $!"
  share=$((share + 1))
done

result=0
share=0
for process in $processes; do
  if wait "$process"; then
    tail -n 1 "$output/$share"
  else
    result=1
    cat "$output/$share"
  fi
  share=$((share + 1))
done
rm -rf "$output"
exit $result
