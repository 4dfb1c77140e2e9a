#!/bin/sh
# Fails if a file outside src/os makes a system call: they have one seam, where they are retried, reported and made to
# fail. Goes by the house's habit of writing `::read(...)`. Tests may do what they want.
#
#   system_calls_in_os_only.sh <source directory>
set -u
cd "$1" || exit 2

# No system calls, or ones that cannot fail.
allowed='_dl_find_object|gettid|dl_iterate_phdr|dlsym|getenv|sigabbrev_np|strerrordesc_np|setenv|unsetenv|fflush'
allowed="$allowed|on_exit|_exit|exit|getpid|getppid"

calls=$(grep -rnE '(^|[^A-Za-z0-9_:>])::[a-z_][a-z_0-9]*\(' include src --include='*.hpp' --include='*.cpp' |
  grep -vE "^src/os/|_test\.cpp:|_for_test\.hpp:|[^A-Za-z0-9_:>]::($allowed)\(")
[ -z "$calls" ] || { printf 'System calls outside src/os:\n%s\n' "$calls"; exit 1; }
