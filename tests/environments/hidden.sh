#!/bin/bash
# Runs a program whose path leads to another one meanwhile, by a mount that nobody else sees, as in some containers.
#
#   hidden.sh PROGRAM [ARGUMENT]...       to be run by unshare --mount, as root there
set -eu
program=$1
shift
exec 8<"$program"
mount --bind /usr/bin/false "$program"
exec -a "$program" /proc/self/fd/8 "$@"
