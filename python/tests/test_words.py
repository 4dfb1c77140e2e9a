"""Errors of the C++ core say what to do in the words of Python programs."""

import sys

import coproc
import pytest

SMALL = coproc.LinkOptions(ring_bytes=1 << 16, max_message_bytes=100_000, max_queued_bytes=50_000, loan_bytes=1 << 17)


def small_pair():
    return coproc.PriorityMessenger.new_pair(SMALL)


def with_options(**options):
    coproc.PriorityMessenger.new_pair(coproc.LinkOptions(**options))


def send_too_much():
    small_pair()[0].send_norequest(b"x" * 200_000)


def lend_too_much():
    small_pair()[0].empty(99_000, "u1").copy()  # there is room for it
    messenger, _ = small_pair()
    kept = [messenger.empty(60_000, "u1") for _ in range(9)]
    kept.clear()


def lend_more_than_a_message():
    small_pair()[0].empty(200_000, "u1")


def receive_behind_a_full_inbox():
    a, b = small_pair()
    for _ in range(60):
        b.try_send(b"x" * 1000)
    a.receive_blocking("lane", timeout=10)


def name_too_many_channels():
    messenger, other = small_pair()
    for i in range(100_000):
        channel = "x" * 2000 + str(i)
        messenger.send_norequest(i, channel)
        other.receive_blocking(channel)


def leave_too_many_requests_unanswered():
    a, b = small_pair()
    for i in range(100_000):
        b.send_request(i)
        a.receive_blocking()


def start_no_worker():
    coproc.ProgramResource(sys.executable, ["-c", "pass"]).start()


def be_nobodys_worker():
    coproc.run_worker(print)


@pytest.mark.parametrize(
    "error, says, cause",
    [
        (ValueError, "LinkOptions.ring_bytes is 5", lambda: with_options(ring_bytes=5)),
        (ValueError, "LinkOptions.max_message_bytes", lambda: with_options(max_message_bytes=0)),
        (ValueError, "LinkOptions.loan_bytes", lambda: with_options(loan_bytes=1 << 60)),
        (coproc.MessageTooLargeError, "raise LinkOptions.max_message_bytes", send_too_much),
        (coproc.MessageTooLargeError, "raise LinkOptions.max_message_bytes", lend_more_than_a_message),
        (coproc.LoanError, "send an ordinary array instead, or raise LinkOptions.loan_bytes", lend_too_much),
        (coproc.QueueFullError, "raise LinkOptions.max_queued_bytes", receive_behind_a_full_inbox),
        (ValueError, "LinkOptions.max_queued_bytes allows", name_too_many_channels),
        (coproc.ProtocolError, "LinkOptions.max_queued_bytes allows", leave_too_many_requests_unanswered),
        (coproc.StartError, "coproc.run_worker()", start_no_worker),
        (coproc.StartError, "as a ProgramResource does", be_nobodys_worker),
    ],
)
def test_errors_name_what_python_has(error, says, cause):
    with pytest.raises(error) as caught:
        cause()
    assert says in str(caught.value)
    assert "::" not in str(caught.value)
