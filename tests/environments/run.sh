#!/bin/bash
# Runs a program in an environment; says why where there can be none here, with exit code 77, which ctest takes for
# skipped.
#
#   run.sh LAUNCHER [ARGUMENT]... -- PROGRAM [ARGUMENT]...
set -u

launcher=()
while [ "$1" != -- ]; do
  launcher+=("$1")
  shift
done
shift

if ! why=$("${launcher[@]}" /usr/bin/test -x "$1" 2>&1); then
  echo "there can be no such environment here: ${launcher[*]}: ${why:-not even $1 can be executed in it}"
  exit 77
fi
exec "${launcher[@]}" "$@"
