#!/bin/sh
# Installs a build, and moves what was installed to the place where the other tests use it: it must not matter.
#
#   install.sh <build directory> <prefix>
set -eu
build_dir=$1 prefix=$2
rm -rf "$prefix" "$prefix.before"
cmake --install "$build_dir" --prefix "$prefix.before"
mv "$prefix.before" "$prefix"
