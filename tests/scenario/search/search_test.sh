#!/bin/sh
# coproc-search against grep on a small tree.
#
#   search_test.sh <coproc-search> <case>
set -eu
LC_ALL=C
export LC_ALL
search=$1
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "FAILED: $*" >&2
  [ ! -e "$work/errors" ] || { echo "--- standard error:" >&2; cat "$work/errors" >&2; }
  exit 1
}

# Everything that grep -w, -i, -n, -I and -r have an opinion about.
make_tree() {
  mkdir -p tree/sub/deeper tree/empty "tree/with space"
  ln -s sub tree/link_to_directory
  printf 'Word\nwords\n_word\nword_\nword2\na-word.\nWORD word wOrD\n' >tree/cases
  printf 'first\nword without newline' >tree/unended
  printf 'word\r\n\r\nsword\r\n' >tree/crlf
  printf '\n\n\nword\n\n' >tree/sub/newlines
  printf 'caf\303\251 word\377\nword\303\251\n' >tree/sub/not_ascii
  printf 'word\n\000word\n' >tree/sub/binary
  printf 'word\n' >tree/sub/deeper/.hidden
  printf 'word: with:colons\n' >'tree/with space/a:1:b'
  : >tree/nothing
  ln -s cases tree/link_to_file
  ln -s ../sub tree/sub/link_to_directory
  ln -s nowhere tree/dangling
  mkfifo tree/fifo
  head -c 200000 /dev/zero | tr '\000' 'x' >tree/long_line
  printf ' word\n' >>tree/long_line
  i=0
  while [ $i -lt 200 ]; do
    printf 'line\nword %s\n' $i >tree/sub/deeper/file$i
    i=$((i + 1))
  done
}

# equals_grep DIR WORD [OPTION]...: the same lines, and the same exit status.
equals_grep() {
  directory=$1 word=$2
  shift 2
  wanted=0 got=0
  grep -rnwiI -- "$word" "$directory" >"$work/wanted" || wanted=$?
  "$search" "$@" -- "$directory" "$word" >"$work/got" 2>"$work/errors" || got=$?
  [ $got -eq $wanted ] || fail "$directory $word $*: exit status $got, grep's is $wanted"
  sort "$work/wanted" >"$work/wanted.sorted"
  sort "$work/got" | diff "$work/wanted.sorted" - >"$work/difference" ||
    fail "$directory $word $*: not what grep finds: $(cat "$work/difference")"
}

same_as_grep() {
  make_tree
  [ "$(grep -rnwiI word tree | wc -l)" -gt 200 ] || fail "the tree does not test anything"
  equals_grep tree word -j 3
  sort -t: -k1,1 -k2,2n -c got || fail "not in the order of paths and lines"
  for workers in 1 2 5; do
    for word in word WORD words first _word 2 line x sword caf colons 199 absent; do
      equals_grep tree $word -j $workers
    done
  done
  equals_grep tree/ word
  equals_grep tree// word
  equals_grep tree/link_to_directory word
  equals_grep tree/sub/link_to_directory word
  equals_grep tree/empty word
  cd tree/sub
  equals_grep . word
  equals_grep .. first
}

several_words_in_their_order() {
  make_tree
  "$search" tree first absent colons >got 2>errors || fail "exit status $?"
  printf 'tree/unended:1:first\ntree/with space/a:1:b:1:word: with:colons\n' | diff - got >&2 || fail "other lines"
  grep -q '^absent: 0 lines in 0 files; all 210 files are indexed$' errors || fail "no word of absent"
}

survives_a_killed_worker() {
  make_tree
  for workers in 1 3; do
    equals_grep tree word -j $workers --crash-test 50
    grep -q 'worker [0-9]* (search-0) was killed by SIGKILL.*; a fresh worker indexes its [0-9]* files again' errors ||
      fail "nobody was killed"
  done
}

tells_counts_while_indexing() {
  make_tree
  equals_grep tree word -j 1
  grep -q '^word: [0-9]* lines so far, [0-9]* files indexed$' errors || fail "no count while indexing"
}

warns() {
  make_tree
  equals_grep tree word
  [ "$(grep -c 'binary file' errors)" -eq 1 ] || fail "not one warning of a binary file"
  grep -q '^coproc-search: tree/sub/binary: binary file, skipped$' errors || fail "no warning of the binary file"

  # Root can read everything, unless it gives that up.
  mkdir tree/closed
  printf 'word\n' >tree/closed/unseen
  chmod 000 tree/closed tree/unended
  unprivileged=""
  [ "$(id -u)" -ne 0 ] || unprivileged="setpriv --bounding-set=-dac_override,-dac_read_search"
  if [ -n "$unprivileged" ] && ! $unprivileged true 2>/dev/null; then
    echo "skipped: unreadable files (root cannot give up reading them here)"
    return
  fi
  wanted=0 got=0
  $unprivileged grep -rnwiI word tree 2>/dev/null >wanted || wanted=$?
  $unprivileged "$search" tree word 2>errors >got || got=$?
  [ $got -eq 2 ] && [ $wanted -eq 2 ] || fail "unreadable files: exit status $got, grep's is $wanted"
  sort wanted >wanted.sorted
  sort got | cmp -s - wanted.sorted || fail "unreadable files: not what grep finds"
  for path in tree/closed tree/unended; do
    grep -q "^coproc-search: $path: Permission denied\$" errors || fail "no warning of $path"
  done
}

answers_what_is_typed() {
  make_tree
  printf ':wait\nfirst\n\nno word\nabsent\r\n colons \n' | "$search" --interactive tree >got 2>errors ||
    fail "exit status $?"
  printf 'tree/unended:1:first\ntree/with space/a:1:b:1:word: with:colons\n' | diff - got >&2 || fail "other lines"
  grep -q "^'no word' is not a single word" errors || fail "two words were not refused"
  grep -q '^first: 1 line in 1 files; all 210 files are indexed$' errors || fail "no count"

  # Without :wait: whatever is indexed at that moment, and how much that is.
  printf 'word\n' | "$search" --interactive tree >got 2>errors || [ $? -eq 1 ] || fail "exit status $?"
  grep -q '^word: [0-9]* lines* in [0-9]* files; .*files are indexed$' errors || fail "no word of how much is indexed"
}

refuses() {
  make_tree
  for arguments in "" "tree" "tree two-words" "missing word" "tree/cases word" "--unknown tree word"; do
    got=0
    # shellcheck disable=SC2086
    "$search" $arguments </dev/null >got 2>errors || got=$?
    [ $got -eq 2 ] || fail "'$arguments': exit status $got"
    [ ! -s got ] && [ -s errors ] || fail "'$arguments': says nothing, or at the wrong place"
  done
}

full_output() {
  make_tree
  got=0
  "$search" tree word >/dev/full 2>errors || got=$?
  [ $got -eq 2 ] || fail "exit status $got"
  grep -q 'standard output failed: No space left on device' errors || fail "no reason given"
}

"$2"
