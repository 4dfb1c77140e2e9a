#!/bin/sh
# Runs a consumer, and makes sure that it has coproc in the way it should.
#
#   run_consumer.sh static|shared <program>
set -eu
kind=$1 program=$2

needs=$(ldd "$program" | grep libcoproc || true)
case $kind in
  static) [ -z "$needs" ] || { echo "a shared coproc was linked: $needs"; exit 1; } ;;
  shared) case $needs in *libcoproc.so.0*"=> /"*) ;; *) echo "no shared coproc was linked: '$needs'"; exit 1 ;; esac ;;
esac
[ "$("$program")" = consumed ]
