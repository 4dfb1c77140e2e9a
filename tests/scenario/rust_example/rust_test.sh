#!/bin/sh
# Runs the worker in Rust: with its host, and without one.
#
#   rust_test.sh <host> <worker>
set -eu
host=$1 worker=$2
expected="4 words, 4 so far
error: there are no words in this
1 words, 5 so far
exited with code 0"
printed=$("$host" "$worker")
[ "$printed" = "$expected" ] || { printf 'It printed:\n%s\n' "$printed"; exit 1; }

code=0
printed=$("$worker" 2>&1) || code=$?
case "$code $printed" in
  "1 "*"not started by a host"*) ;;
  *) printf 'Without a host, code %s:\n%s\n' "$code" "$printed"; exit 1 ;;
esac
