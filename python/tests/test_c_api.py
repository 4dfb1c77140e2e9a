"""Workers in C (coproc/c.h): tests/start/c_worker.c, with a host in Python."""

import os
import signal

import coproc
import pytest

WORKER = os.environ.get("COPROC_C_WORKER")
pytestmark = pytest.mark.skipif(WORKER is None, reason="COPROC_C_WORKER names no program: run this test by ctest")


def worker(what, **options):
    return coproc.ProgramResource(WORKER, [what], **options)


def test_values_come_back_as_they_are():
    with worker("echo") as echo:
        large = ("ü" * 100_000, b"y" * 200_000)
        for value in ("text", "", b"\x00\xff", {"a": [1, 2.5, None, True, b"x"]}, -7, [], *large):
            echo.messenger.send_norequest(value)
            assert echo.messenger.receive_blocking() == value
        assert echo.stop().code == 0


def test_requests_and_errors():
    with worker("echo", messenger_type=coproc.MultiMessenger) as echo:
        ids = [echo.messenger.send_request(value) for value in ({"a": 1}, "fail", b"fail", "last")]
        assert echo.messenger.receive_reply(ids[3]) == "last"
        for failed in ids[1:3]:
            with pytest.raises(RuntimeError, match="it was asked to fail"):
                echo.messenger.receive_reply(failed)
        assert echo.messenger.receive_reply(ids[0]) == {"a": 1}


def test_text_channels_and_priorities():
    with worker("describe") as program:
        program.messenger.send_request(b"b", "errors", priority=7)
        program.messenger.send_norequest("w", "warnings")
        program.messenger.send_norequest("n", -7)
        assert program.messenger.receive_blocking("warnings").startswith('w on "warnings" ("warnings"), priority -inf')
        assert "priority 7.0, request 1" in program.messenger.receive_blocking("errors")
        assert program.messenger.receive_blocking() == "on -7"


def test_it_asks_its_host():
    program = worker("ask")
    program.start()
    messenger = program.messenger
    question = messenger.receive_message_blocking()
    assert question.payload == "how much?"
    assert messenger.receive_blocking() == "never mind"
    messenger.reply_to(question, "a lot")
    assert messenger.receive_blocking() == b"a lot"
    messenger.reply_error_to(messenger.receive_message_blocking(), ValueError("no more"))
    assert "no more" in messenger.receive_blocking()
    messenger.send_error(KeyError("a mistake"))
    assert "a mistake" in messenger.receive_blocking()
    with pytest.raises(coproc.EndOfMessages):
        messenger.receive_blocking()
    assert program.join().code == 0


def test_start_arguments():
    program = worker("msgpack")
    program.start(path="/data", depth=3)
    assert program.messenger.receive_blocking() == {"path": "/data", "depth": 3}
    program.join()
    with pytest.raises(coproc.StartError, match="argument"):
        program.start()


def test_failures_codes_and_signals():
    program = worker("fails")
    program.start()
    with pytest.raises(RuntimeError, match="the disk is full"):
        program.messenger.receive_blocking()
    assert program.join().code == 1
    program = worker("returns")
    program.start()
    assert program.messenger.receive_blocking() == "before"
    with pytest.raises(coproc.WorkerDiedError) as died:
        program.messenger.receive_blocking()
    assert died.value.exit_status.code == 42


def test_killed_in_the_midst_of_sends():
    program = worker("dies")
    program.start()
    assert program.messenger.receive_blocking() == "before"
    os.kill(program.pid, signal.SIGKILL)
    with pytest.raises(coproc.WorkerDiedError) as died:
        while True:
            assert program.messenger.receive_blocking() == bytes(3000)
    assert died.value.exit_status.signal == signal.SIGKILL


def test_a_time_limit_of_the_host():
    with worker("echo") as echo:
        with pytest.raises(TimeoutError):
            echo.messenger.receive_blocking(timeout=0.01)
        request = echo.messenger.send_request("late")
        assert echo.messenger.receive_reply(request) == "late"
