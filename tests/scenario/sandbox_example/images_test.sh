#!/bin/bash
# Runs coproc-images on images of its own.
set -eu
program=$1
make_images=$2
test=$3

tree=$(mktemp -d "${TMPDIR:-/tmp}/coproc-images-XXXXXX")
trap 'rm -rf "$tree"' EXIT

fail() { echo "$test: $*" >&2; exit 1; }
# Runs the program; `code`, `out` and `errors` are what came of it.
run() {
  code=0
  out=$("$program" "$@" 2> "$tree/errors") || code=$?
  errors=$(cat "$tree/errors")
}
says() { grep -Eq "$1" <<< "$errors" || fail "no line \"$1\" in: $errors"; }
is_good() { grep -Eqx "$1" <<< "$out" || fail "no line \"$1\" in: $out"; }
# The mean of a JPEG's colours is a little off.
red="PNG  64x48 #c81008 $tree/red.png"
photo="JPEG 640x480 #[78][0-9a-f]{5} $tree/photo.jpg"

"$make_images" "$tree"
case $test in
  real_images)
    run --workers 2 "$tree/red.png" "$tree/photo.jpg" "$tree/red.png"
    [ "$code" = 0 ] || fail "exit code $code: $errors"
    [ "$(wc -l <<< "$out")" = 3 ] || fail "other lines: $out"
    is_good "$red"
    is_good "$photo"
    ;;
  hostile_images)
    [ "$(stat -c %s "$tree/bomb.png")" -lt 1000000 ] || fail "the bomb is no bomb"
    half=$(($(stat -c %s "$tree/photo.jpg") / 2))
    head -c "$half" "$tree/photo.jpg" > "$tree/half.jpg"
    half=$(($(stat -c %s "$tree/red.png") / 2))
    head -c "$half" "$tree/red.png" > "$tree/half.png"
    echo "no image" > "$tree/text.png"
    : > "$tree/empty.jpg"
    run --workers 2 --memory 96 "$tree"/{bomb,half,text,missing,red}.png "$tree"/{half,empty,photo}.jpg
    [ "$code" = 1 ] || fail "exit code $code: $errors"
    says "/bomb.png: .*bad_alloc"
    says "/half.png: .*PNG: "
    says "/half.jpg: .*JPEG: "
    says "/text.png: .*neither a PNG nor a JPEG"
    says "/empty.jpg: .*neither"
    says "/missing.png: .*neither"
    is_good "$red"
    is_good "$photo"
    ;;
  decoders_that_were_taken_over)
    deeds=()
    files=()
    for deed in open connect fork kill memory loop; do
      cp "$tree/red.png" "$tree/$deed.png"
      deeds+=(--taken-over "$deed.png=$deed")
      files+=("$tree/$deed.png" "$tree/photo.jpg")
    done
    run --workers 2 --memory 96 --time-limit 1 "${deeds[@]}" "${files[@]}" "$tree/red.png"
    [ "$code" = 1 ] || fail "exit code $code: $errors"
    says "/open.png: .*ended by its sandbox: it called open(at)?\(.*while it ran task"
    says "/connect.png: .*ended by its sandbox: it called socket\("
    says "/fork.png: .*ended by its sandbox: it called (clone|fork)\("
    says "/kill.png: .*ended by its sandbox: it called kill\("
    says "/memory.png: .*bad_alloc"
    says "/loop.png: .*time limit"
    [ "$(grep -Ecx "$photo" <<< "$out")" = 6 ] || fail "others are missing: $out"
    is_good "$red"
    ;;
  without_a_box)
    cp "$tree/red.png" "$tree/open.png"
    run --no-sandbox --taken-over open.png=open "$tree/open.png" "$tree/red.png"
    says "/open.png: .*reading /etc/passwd has worked"
    is_good "$red"
    ;;
  refuses)
    for arguments in "" "--workers 0 x" "--memory x x" "--taken-over x=dance x" "--taken-over x x" "--nonsense 1 x"; do
      # shellcheck disable=SC2086  # these are several words
      run $arguments
      [ "$code" = 2 ] || fail "exit code $code for: $arguments"
    done
    ;;
esac
