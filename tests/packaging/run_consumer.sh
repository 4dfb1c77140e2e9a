#!/bin/sh
# Runs a consumer and its worker in C, and makes sure that both have coproc in the way they should.
#
#   run_consumer.sh static|shared <program> <worker in C>
set -eu
kind=$1 program=$2 worker=$3

for each in "$program" "$worker"; do
  needs=$(ldd "$each" | grep libcoproc || true)
  case $kind in
    static) [ -z "$needs" ] || { echo "a shared coproc was linked: $needs"; exit 1; } ;;
    shared) case $needs in *libcoproc.so.0*"=> /"*) ;; *) echo "no shared coproc is linked: '$needs'"; exit 1 ;; esac ;;
  esac
done
[ "$("$worker")" = consumed ]
[ "$("$program" "$worker")" = consumed ]
