#!/bin/sh
# Builds and runs a small program with an installed coproc in one of the ways in which programs are compiled and linked.
# Exit code 77: the compiler or linker is missing.
#
#   way.sh <prefix> <build directory> <compiler> [option]...
set -eu
prefix=$1 build_dir=$2 compiler=$3
shift 3
here=$(dirname "$0")

for option in "$@"; do
  case $option in -fuse-ld=*)
    command -v "ld.${option#-fuse-ld=}" > /dev/null || { echo "there is no ld.${option#-fuse-ld=} here"; exit 77; } ;;
  esac
done
mkdir -p "$build_dir"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name coproc.pc)")
export PKG_CONFIG_PATH
# Words, one option each: not quoted.
"$compiler" -std=c++20 "$@" $(pkg-config --cflags coproc) "$here/in_any_way.cpp" $(pkg-config --libs coproc) \
  -o "$build_dir/program"
[ "$(LD_LIBRARY_PATH=$(pkg-config --variable=libdir coproc) "$build_dir/program")" = consumed ]
