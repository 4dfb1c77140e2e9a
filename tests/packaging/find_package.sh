#!/bin/sh
# Builds and runs the consumer with an installed coproc that CMake finds.
#
#   find_package.sh static|shared <prefix> <build directory>
set -eu
kind=$1 prefix=$2 build_dir=$3
here=$(dirname "$0")

rm -rf "$build_dir"
cmake -G Ninja -S "$here/consumer" -B "$build_dir" -DCMAKE_PREFIX_PATH="$prefix"
grep "coproc_DIR:PATH=$prefix/" "$build_dir/CMakeCache.txt"
cmake --build "$build_dir"
"$here/run_consumer.sh" "$kind" "$build_dir/consumer" "$build_dir/worker"
