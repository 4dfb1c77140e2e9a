#!/bin/sh
# Verifies the model, or sees that a mutant of it fails as intended and in no other way.
#
#   check.sh WORK_DIR CLAIM holds|EXPECTED [-DNAME[=VALUE]]...
#
# CLAIM: `safety` (assertions, and no end is stuck), or an ltl claim of link.pml (progress, under weak fairness).
# EXPECTED: what SPIN has to say of every failure, as a pattern of grep.
set -eu

model=$(cd "$(dirname "$0")" && pwd)/link.pml
work_dir=$1 claim=$2 expected=$3
shift 3

for tool in spin gcc; do
  command -v $tool >/dev/null || { echo "check.sh: there is no $tool here: run tools/setup.sh" >&2; exit 1; }
done
rm -rf "$work_dir"
mkdir -p "$work_dir"
cd "$work_dir"
definitions=$*
spin "$@" -a "$model" >generated || { cat generated; exit 1; }

# No partial order reduction: it is not sound with fairness and `unless`. An ltl claim, even unused, would switch the
# check for stuck ends off, hence NOCLAIM. -c0: all failures, and not only the first. -O0: to optimise takes gcc longer
# than pan runs.
if [ "$claim" = safety ]; then
  gcc -O0 -w -DNOREDUCE -DSAFETY -DNOCLAIM -o pan pan.c
  set -- -c0
  checked='invalid end states[[:space:]]*+'
else
  gcc -O0 -w -DNOREDUCE -o pan pan.c
  set -- -a -f -N "$claim"
  checked='acceptance *cycles[[:space:]]*+ (fairness enabled)'
fi
./pan "$@" -m1000000 >report || true
grep -v 'unreached\|\.pml:\|^$' report | tail -n 40

fail() { echo "check.sh: $1" >&2; exit 1; }
grep -q "$checked" report || fail "what was to be checked was not"
if [ "$expected" = holds ] && grep -q 'too small\|out of memory\|not completed' report; then
  fail "the search is not complete"
fi
# Failures are lines such as "pan:1: assertion violated (...)", "pan:1: invalid end state", "pan:1: acceptance cycle".
grep '^pan:[0-9]*: ' report >failures || true
if [ "$expected" = holds ]; then
  grep -q 'errors: 0$' report && ! [ -s failures ] ||
    fail "the model does not hold; to see how, in $work_dir: spin $definitions -p -k link.pml*.trail $model"
else
  [ -s failures ] || fail "the mutant was not caught"
  ! grep -v "$expected" failures || fail "the mutant fails in another way than expected"
fi
