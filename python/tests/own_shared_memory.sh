#!/bin/sh
# usage: own_shared_memory.sh PROGRAM [ARGUMENT]...
#
# Runs a program with a /dev/shm of its own: CPython's tests keep semaphores there, which the tests that run beside them
# would take for leftovers. Where there is no bubblewrap, or it cannot do that, the program runs as it is.
own="bwrap --dev-bind / / --tmpfs /dev/shm"
if $own true 2>/dev/null; then exec $own "$@"; fi
exec "$@"
