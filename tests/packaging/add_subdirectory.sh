#!/bin/sh
# Builds and runs the consumer with coproc's sources as a folder of its own.
#
#   add_subdirectory.sh static|shared <coproc's sources> <build directory>
set -eu
kind=$1 sources=$2 build_dir=$3
here=$(dirname "$0")

case $kind in shared) shared=ON ;; *) shared=OFF ;; esac
cmake -G Ninja -S "$here/consumer" -B "$build_dir" \
  -DCOPROC_SOURCE_DIR="$sources" -DBUILD_SHARED_LIBS=$shared -DCOPROC_INSTALL=ON
cmake --build "$build_dir" --parallel 2
"$here/run_consumer.sh" "$kind" "$build_dir/consumer" "$build_dir/worker"
