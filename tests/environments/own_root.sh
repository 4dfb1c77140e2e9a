#!/bin/sh
# Runs a program beside or in a root directory of its own, of which nothing stays: no other process sees its mount.
#
#   own_root.sh enter PROGRAM [ARGUMENT]...                     in it
#   own_root.sh stay|stay_without_proc PROGRAM [ARGUMENT]...    beside it; there PROGRAM's path leads to another one
#
# OTHER_ROOT is an empty directory for it. To be run by unshare --mount, as root there.
set -eu
how=$1
shift
mount --rbind / "$OTHER_ROOT"
case $how in
  enter) exec chroot "$OTHER_ROOT" "$@" ;;
  stay_without_proc) mount -t tmpfs tmpfs "$OTHER_ROOT/proc" ;;
esac
mount --bind /usr/bin/false "$OTHER_ROOT$1"
exec "$@"
