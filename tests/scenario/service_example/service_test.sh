#!/bin/bash
# Runs coproc-service in a directory of its own, with its load or by hand.
set -eu
service=$1
load=$2
test=$3

directory=$(mktemp -d "${TMPDIR:-/tmp}/coproc-service-XXXXXX")
cd "$directory"
mkfifo port
"$service" 0 > port 2> log &
pid=$!
trap 'kill -KILL $pid 2>/dev/null || true; wait $pid 2>/dev/null || true; cd /; rm -rf "$directory"' EXIT
read -r port < port

fail() { echo "$test: $*" >&2; cat log >&2; exit 1; }
# ask REQUEST: the answer.
ask() {
  local answer
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  echo "$1" >&3
  read -r answer <&3
  exec 3>&-
  echo "$answer"
}
expect() { local answer; answer=$(ask "$1"); [[ $answer == $2 ]] || fail "$1: $answer"; }

case $test in
  answers)
    expect "GET a" "ERR *NoSuchKey*"
    expect "PUT a 1" "OK stored"
    expect "GET a" "OK 1"
    "$load" "$port" 16 2 || fail "load: exit code $?"
    expect "STAT" "starts 0; starts 0; starts 0; starts 0;*"
    ;;
  survives_kills)
    "$load" "$port" 16 4 kill || fail "load: exit code $?"
    [[ $(ask STAT) != "starts 0; starts 0; starts 0; starts 0;"* ]] || fail "nothing was killed"
    for worker in $(ask PIDS); do kill -KILL "$worker"; done
    expect "PUT b 2" "OK stored"
    expect "GET b" "OK 2"
    ;;
  reads_its_configuration_anew)
    long=$(printf 'x%.0s' {1..20})
    expect "PUT c $long" "OK stored"
    echo 10 > service.conf
    kill -HUP $pid
    until [[ $(ask "PUT c $long") == ERR*ValueTooLong* ]]; do [[ -d /proc/$pid ]] || fail "it ended"; done
    expect "PUT c 1" "OK stored"
    ;;
esac

kill -TERM $pid
code=0
wait $pid || code=$?
[ "$code" = 0 ] || fail "exit code $code"
[ "$(grep -c "exited with code 0" log)" = 4 ] || fail "the workers did not end as asked"
