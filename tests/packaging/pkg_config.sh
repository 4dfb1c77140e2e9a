#!/bin/sh
# Builds and runs the consumer with an installed coproc that pkg-config finds.
#
#   pkg_config.sh static|shared <prefix> <build directory>
set -eu
kind=$1 prefix=$2 build_dir=$3
here=$(dirname "$0")

rm -rf "$build_dir"
mkdir -p "$build_dir"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name coproc.pc)")
export PKG_CONFIG_PATH
# Words, one option each: not quoted.
"$CXX" -std=c++20 $(pkg-config --cflags 'coproc >= 0.1') "$here/consumer/main.cpp" $(pkg-config --libs coproc) \
  -o "$build_dir/consumer"
# C's linker does not know that the static library needs the C++ standard library.
"$CC" -std=c99 -Wall -Wextra -pedantic -Werror $(pkg-config --cflags coproc) "$here/consumer/worker.c" \
  $(pkg-config --static --libs coproc) -o "$build_dir/worker"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir coproc) \
  "$here/run_consumer.sh" "$kind" "$build_dir/consumer" "$build_dir/worker"
