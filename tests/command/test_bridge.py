"""coproc bridge: programs that know nothing of coproc are workers, for a host in Python."""

import os
import select
import signal
import struct
import subprocess
import sys

import coproc
import pytest

COPROC = os.environ["COPROC_COMMAND"]


def bridge(*words, options=(), **more):
    """A worker that is started, behind `coproc bridge`."""
    worker = coproc.ProgramResource(COPROC, ["bridge", *options, "--", *words], **more)
    worker.start()
    return worker


def python(text, **more):
    return bridge(sys.executable, "-u", "-c", text, **more)


def died(worker):
    """The status of a worker that ends, after what it has sent and its error."""
    with pytest.raises(coproc.WorkerDiedError) as caught:
        worker.messenger.receive_blocking()
    return caught.value.exit_status


def test_without_a_host_it_says_what_it_is():
    result = subprocess.run([COPROC, "bridge", "--", "cat"], capture_output=True, text=True)
    assert result.returncode == 125
    assert "Executable" in result.stderr and "ProgramResource" in result.stderr


class TestLines:
    def test_cat_sends_lines_back(self):
        worker = bridge("cat")
        for line in ("one", "", "ü", "x" * 200_000, "a\0b"):
            worker.messenger.send_norequest(line)
            assert worker.messenger.receive_blocking() == line
        assert worker.stop().code == 0

    def test_a_request_is_answered_by_the_next_line_in_order(self):
        worker = bridge("sed", "-u", "s/^/got /")
        ids = [worker.messenger.send_request(text) for text in ("a", b"b", "c")]
        assert [worker.messenger.receive_reply(id) for id in reversed(ids)] == ["got c", "got b", "got a"]
        worker.messenger.send_norequest("d")
        message = worker.messenger.receive_message_blocking()
        assert (message.payload, message.is_reply) == ("got d", False)
        assert worker.stop().code == 0

    def test_a_last_line_needs_no_end_and_the_end_of_the_messages_closes_stdin(self):
        worker = python("import sys; n = len(sys.stdin.readlines()); print('first'); print(n, end='')")
        for text in ("a", "b", "c"):
            worker.messenger.send_norequest(text)
        assert worker.finish().code == 0
        assert worker.messenger.receive_blocking() == "first"
        assert worker.messenger.receive_blocking() == "3"

    def test_what_is_no_line_is_refused_and_the_program_goes_on(self):
        worker = bridge("cat")
        for value in ("two\nlines", {"a": 1}, 7):
            request = worker.messenger.send_request(value)
            with pytest.raises(RuntimeError, match='not passed on to "cat".*--msgpack'):
                worker.messenger.receive_reply(request)
        worker.messenger.send_norequest("two\nlines")
        with pytest.raises(RuntimeError, match="newline"):
            worker.messenger.receive_blocking()
        assert worker.messenger.receive_reply(worker.messenger.send_request("fine")) == "fine"
        worker.stop()

    def test_a_line_without_an_end_is_an_error(self):
        worker = python("import os\nwhile True: os.write(1, b'x' * 4096)", options=["--max-bytes", "100000"])
        with pytest.raises(RuntimeError, match="line of more than 100000 bytes: raise --max-bytes"):
            worker.messenger.receive_blocking()
        assert worker.join().code == 1

    def test_more_than_both_directions_hold(self):
        count = 5000
        worker = bridge("cat")
        for i in range(count):  # the host receives nothing meanwhile
            worker.messenger.send_norequest(f"{i} " + "x" * 200)
        for i in range(count):
            assert worker.messenger.receive_blocking().startswith(f"{i} x")
        assert worker.stop().code == 0


class TestEnds:
    def test_a_code_is_told_with_the_last_words(self):
        worker = python("import sys; print('out'); print('no such table', file=sys.stderr); sys.exit(3)")
        seen = []
        with pytest.raises(RuntimeError, match="exited with code 3(.|\n)*no such table"):
            while True:
                seen.append(worker.messenger.receive_blocking())
        if not seen:
            assert worker.messenger.receive_blocking() == "out"
        assert died(worker).code == 3

    def test_a_signal_is_told(self):
        worker = python("import os; os.kill(os.getpid(), 11)")
        with pytest.raises(RuntimeError, match="was ended by SIGSEGV"):
            worker.messenger.receive_blocking()
        assert died(worker).signal == signal.SIGSEGV

    def test_a_good_end_leaves_requests_unanswered(self):
        worker = bridge("true")
        assert died(worker).code == 0

    def test_a_program_that_is_not_there(self):
        worker = bridge("no-such-program-anywhere")
        with pytest.raises(RuntimeError, match="no-such-program-anywhere.*could not be executed: No such file"):
            worker.messenger.receive_blocking()
        assert worker.join().code == 1

    def test_a_program_that_never_reads_makes_the_host_wait_and_is_stopped(self):
        worker = python("import time; print('up')\nwhile True: time.sleep(1000)", stop=coproc.StopOptions(close=0.2))
        assert worker.messenger.receive_blocking() == "up"
        with pytest.raises(TimeoutError):
            while True:
                worker.messenger.send_norequest("x" * 10_000, timeout=0.2)
        status = worker.stop()
        assert status.signal == signal.SIGTERM

    def test_a_program_that_ignores_everything_ends_with_its_bridge(self):
        text = (
            "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(os.getpid())\n"
            "while True: time.sleep(1000)"
        )
        worker = python(text, stop=coproc.StopOptions(close=0.1, terminate=0.1))
        program = int(worker.messenger.receive_blocking())
        pidfd = os.pidfd_open(program)
        assert worker.stop().signal == signal.SIGKILL
        assert select.select([pidfd], [], [])[0]  # it ends, too
        os.close(pidfd)

    def test_sigterm_gives_the_program_its_chance(self):
        text = (
            "import signal, sys, time\n"
            "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(0)))\n"
            "print('up')\nwhile True: time.sleep(1000)"
        )
        worker = python(text)
        assert worker.messenger.receive_blocking() == "up"
        worker.terminate()
        assert worker.messenger.receive_blocking() == "saved"
        assert worker.join().code == 0

    def test_sigterm_reaches_a_program_that_never_stops_printing(self):
        worker = bridge("yes")
        assert worker.messenger.receive_blocking() == "y"
        worker.terminate()
        with pytest.raises(coproc.WorkerDiedError) as caught:
            while True:
                assert worker.messenger.receive_blocking() == "y"
        assert caught.value.exit_status.signal == signal.SIGTERM


class TestMsgpack:
    ECHO = (
        "import msgpack, struct, sys\n"
        "read, write = sys.stdin.buffer.read, sys.stdout.buffer\n"
        "while head := read(4):\n"
        "    value = msgpack.unpackb(read(struct.unpack('>I', head)[0]))\n"
        "    body = msgpack.packb([value, str(type(value))])\n"
        "    write.write(struct.pack('>I', len(body)) + body); write.flush()\n"
    )

    def test_values_both_ways(self):
        worker = python(self.ECHO, options=["--msgpack"])
        for value in ("text", "two\nlines", b"\0\xff", 7, {"a": [1, 2.5, None]}, "x" * 300_000):
            request = worker.messenger.send_request(value)
            assert worker.messenger.receive_reply(request) == [value, str(type(value))]
        assert worker.finish().code == 0

    def test_records_that_are_none(self):
        for output, says in (
            (b"\0\0\0\0", "record of 0 bytes"),
            (b"hello", "more than 16777216 bytes.*--max-bytes"),
            (struct.pack(">I", 5) + b"abc", "ended in the middle of a record"),
        ):
            worker = python(f"import os; os.write(1, {output!r})", options=["--msgpack"])
            with pytest.raises(RuntimeError, match=says):
                worker.messenger.receive_blocking()
            assert worker.join().code == 1


def test_a_host_in_cpp_and_a_pool():
    result = subprocess.run([os.environ["COPROC_BRIDGE_HOST"], COPROC], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "FROM C++",
        'coproc bridge: a message was not passed on to "sed": it is a int32: send text, bytes or MessagePack '
        "(coproc/msgpack.hpp)",
        "exited with code 0",
        "A B C ",
        'coproc bridge: the program "sh" exited with code 4',
        "    its stderr ends with: why",
        "4",
    ]


def test_in_a_box_the_program_is_in_it_too():
    try:
        worker = bridge("cat", sandbox=coproc.Sandbox.files().system().execute("/usr/bin/cat"))
    except coproc.StartError as error:
        pytest.skip(f"no box here: {error}")
    assert worker.messenger.receive_reply(worker.messenger.send_request("boxed")) == "boxed"
    assert worker.stop().code == 0
    worker = bridge("cat", sandbox=coproc.Sandbox.compute())
    with pytest.raises(RuntimeError, match="coproc bridge|Operation not permitted|Permission denied"):
        worker.messenger.receive_blocking()
