"""The numbers of the command line: what cannot be meant is refused, and the error says what could be."""

import pytest

from seen import run

NO_NUMBERS = ("nan", "-nan", "inf", "abc", "", "1x", "1e400")
WHOLE = (*NO_NUMBERS, "0", "-1", "-18446744073709551615", "1.5", "9" * 30)
REQUESTS = (
    (["top", "--json", "-n"], [], "-n: a number of pictures, from 1 to 1000000000", WHOLE),
    (["top", "--json", "-n", "1", "-d"], [], "--delay: seconds, from 0.05 to 1000000", (*NO_NUMBERS, "0", "-1", "1e7")),
    (["top", "--json", "-n", "1"], [], "pid: a process id, from 1 to 2147483647", WHOLE),
    (["map"], [], "pid: a process id, from 1 to 2147483647", WHOLE),
    (["stack"], [], "pid: a process id, from 1 to 2147483647", WHOLE),
    (["serve", "--for", "0.1s", "--pid"], [], "--pid: a process id, from 1 to 2147483647", WHOLE),
    (["serve", "--for", "0.1s", "--port"], [], "--port: a port, from 0 to 65535", (*NO_NUMBERS, "-1", "65536")),
    (["serve", "--for"], [], "--for: seconds, from 0 to 100000000", ("-1", "1e9", "1e5h")),
    (["monitor", "--interval"], ["--", "true"], "--interval: milliseconds, from 1 to 1000000000", (*NO_NUMBERS, "0")),
    (["bridge", "--max-bytes"], ["--", "true"], "--max-bytes: a number of bytes, from 1 to 4294967280", WHOLE),
)


@pytest.mark.parametrize(
    "before, after, words, number",
    [(before, after, words, number) for before, after, words, numbers in REQUESTS for number in numbers],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value[:24],
)
def test_that_cannot_be_meant_are_refused(before, after, words, number):
    # A word with a minus sign in the place of a PID looks like an option, but behind a "--".
    is_positional = words.startswith("pid")
    result = run(*before, *(["--"] if is_positional else []), number, *after, timeout=20)
    assert result.returncode not in (0, 1)
    assert result.stderr.startswith(f"{words}, not {number or 'nothing'}\n" if "--for" not in words else words)


def test_of_a_process_id_with_a_sign_are_refused():
    result = run("stack", "-1", timeout=20)
    assert result.returncode not in (0, 1)
    assert result.stderr.startswith("pid: a process id, from 1 to 2147483647, not -1\n")
