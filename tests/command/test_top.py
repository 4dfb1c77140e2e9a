"""coproc top: what hosts and workers do, again and again, on a terminal and as JSON."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest

from seen import COPROC, OTHER_USER, Map, run, running_host, until

LAST_PID = pathlib.Path("/proc/sys/kernel/ns_last_pid")
DOCS = pathlib.Path(__file__).parents[2] / "docs" / "command.md"


@pytest.fixture(scope="module")
def host():
    with running_host() as one:
        yield one


@contextlib.contextmanager
def lines_of(*words):
    """The objects that `coproc top --json` prints, as they come."""
    with subprocess.Popen([COPROC, "top", "--json", *map(str, words)], stdout=subprocess.PIPE, text=True) as process:
        yield (json.loads(line) for line in process.stdout)
        process.kill()


def link_of(line, worker):
    (link,) = (one for one in line["links"] if one["worker"] == worker)
    return link


def process_of(line, pid):
    (process,) = (one for one in line["processes"] if one["pid"] == pid)
    return process


class TestJson:
    def test_has_as_many_lines_as_asked_for(self, host):
        result = run("top", "--json", "-n", 3, "-d", 0.05, host.pid)
        assert result.returncode == 0
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert len(lines) == 3
        assert all(line["seconds"] >= 0.04 for line in lines)
        assert {one["pid"] for one in lines[0]["processes"]} > set(host.pids.values())

    def test_counts_every_message_of_a_slow_link(self, host):
        served = host.pids["served"]
        with lines_of("-d", 0.2, host.pid) as lines:
            next(lines)
            host.tell("ask 20")
            counts = [0.0, 0.0]
            for line in lines:
                for i, direction in enumerate(link_of(line, served)["directions"]):
                    counts[i] += direction["messages_per_second"] * line["seconds"]
                if min(counts) > 19.5:
                    break
        assert counts == pytest.approx([20, 20], abs=0.01)

    def test_estimates_the_messages_of_a_fast_link(self, host):
        served = host.pids["served"]
        is_over = threading.Event()

        def ask():
            while not is_over.is_set():
                host.tell("ask 2000")

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            with lines_of("-d", 0.3, host.pid) as lines:
                for line in lines:
                    to_worker = link_of(line, served)["directions"][0]
                    is_fast = to_worker["bytes_per_second"] * line["seconds"] > 2 * 65536
                    if is_fast and to_worker["messages_per_second"]:
                        break
        finally:
            is_over.set()
            asking.join()
        assert to_worker["bytes_per_second"] / to_worker["messages_per_second"] == pytest.approx(144, rel=0.05)

    def test_shows_processor_time_and_how_long_a_state_lasts(self, host):
        with lines_of("-d", 0.2, host.pid) as lines:
            line = next(lines)
            while process_of(line, host.pids["working"])["processors"] < 0.05:
                line = next(lines)
            assert process_of(line, host.pids["silent"])["processors"] == 0
            before = process_of(line, host.pids["silent"])["state_seconds"]
            after = process_of(next(lines), host.pids["silent"])["state_seconds"]
            assert after >= before + 0.1

    def test_goes_on_when_a_host_ends(self):
        with running_host() as host, lines_of("-d", 0.1, host.pid) as lines:
            assert process_of(next(lines), host.pid)
            host.process.stdin.close()
            until(lambda: next(lines), lambda line: line["processes"] == [])
            assert next(lines)["links"] == []

    def test_of_processes_that_are_not_there_is_refused(self, host):
        result = run("top", "-n", 1, host.pid, 2**22 + 1)
        assert result.returncode == 1
        assert result.stdout == ""
        assert f"process {2**22 + 1}: there is no such process" in result.stderr

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
    def test_of_other_users_says_what_is_not_seen(self, host):
        result = run("top", "--json", "-n", 1, "-d", 0.05, launcher=OTHER_USER)
        line = json.loads(result.stdout)
        assert result.returncode == 0
        assert all(one["user"] == 61234 for one in line["processes"])
        assert any(one["user"] == 0 and one["processes"] > len(host.pids) for one in line["not_seen"])
        assert "cannot be looked into" in run("top", "-n", 1, "-d", 0.05, launcher=OTHER_USER).stdout


def look_after(moment, lines):
    """A look that began after this moment: a line's time is that of the end of its look."""
    until(lambda: next(lines), lambda line: line["time"] > moment)
    return next(lines)


def shape_of_look(look, pids):
    """What a look shows of these processes, without what changes all the time."""
    fields = ("pid", "name", "host", "is_worker", "start", "threads", "user")
    processes = [[one[field] for field in fields] for one in look["processes"] if one["pid"] in pids]
    links = [
        [one[field] for field in ("id", "kind", "host", "worker", "processes")]
        for one in look["links"]
        if pids & set(one["processes"])
    ]
    return sorted(processes), sorted(links)


LATER = """
import mmap, os
print("nothing is mapped", flush=True)
input()
fd = os.memfd_create("coproc-link", os.MFD_CLOEXEC)
os.ftruncate(fd, 1 << 20)
memory = mmap.mmap(fd, 1 << 20)
print("mapped", flush=True)
input()
for number in map(int, os.listdir("/proc/self/fd")):
    if number > 2:
        try:
            os.close(number)
        except OSError:
            pass
print("closed", flush=True)
input()
"""


class TestWhatIsKeptBetweenLooks:
    """Processes that have not run are not looked into again."""

    def test_what_has_begun_is_in_the_next_look(self):
        with lines_of("-d", 0.05) as lines:
            next(lines)
            for _ in range(5):
                with running_host() as host:
                    ready = time.time()
                    line = look_after(ready, lines)
                    pids = {host.pid, *host.pids.values()}
                    assert shape_of_look(line, pids) == shape_of_look(Map(host.pid).whole, pids)

    def test_what_has_ended_is_not(self):
        with running_host() as host, lines_of("-d", 0.05, host.pid) as lines:
            served = host.pids["served"]
            assert process_of(next(lines), served)
            host.tell("end")
            ended = time.time()
            line = look_after(ended, lines)
            assert not [one for one in line["processes"] if one["pid"] == served and one["state"] != "zombie"]
            assert not [one for one in line["links"] if one["worker"] == served]

    def test_a_descriptor_that_comes_or_goes_is_noticed(self):
        with lines_of("-d", 0.05) as lines, subprocess.Popen(
            [sys.executable, "-c", LATER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:

            def kinds():
                line = next(lines)
                return [one["kind"] for one in line["links"] if process.pid in one["processes"]]

            for seen in ([], ["inside"], ["half"]):  # with a descriptor of it, it is both ends
                process.stdout.readline()
                until(kinds, lambda found: found == seen)
                for _ in range(3):
                    assert kinds() == seen
                process.stdin.write("go on\n")
                process.stdin.flush()

    def test_a_state_that_changes_without_a_call_is_seen(self, host):
        silent = host.pids["silent"]
        with lines_of("-d", 0.05, host.pid) as lines:
            for sent, state in ((signal.SIGSTOP, "stopped"), (signal.SIGCONT, "blocked")) * 3:
                os.kill(silent, sent)
                until(lambda: process_of(next(lines), silent)["state"], lambda seen: seen == state)

    @pytest.mark.skipif(not os.access(LAST_PID, os.W_OK), reason="the next pid cannot be chosen")
    def test_a_pid_that_is_used_again_is_another_process(self):
        with lines_of("-d", 0.05) as lines, contextlib.ExitStack() as stack:
            for _ in range(100):  # another process may be given the number
                stranger = subprocess.Popen(["sleep", "inf"])
                pid = stranger.pid
                begun = time.time()
                line = look_after(begun, lines)
                assert pid not in [one["pid"] for one in line["processes"]]
                stranger.kill()
                stranger.wait()
                LAST_PID.write_text(str(pid - 1))
                host = stack.enter_context(running_host())
                if host.pid == pid:
                    break
            assert host.pid == pid
            ready = time.time()
            line = look_after(ready, lines)
            assert process_of(line, pid)["name"] == "seen_host"
            pids = {pid, *host.pids.values()}
            assert shape_of_look(line, pids) == shape_of_look(Map(pid).whole, pids)


def shape_of(picture):
    """The lines of a picture without numbers, which change, and without the spaces that depend on them."""
    text = re.sub(r"\d\d:\d\d:\d\d", "#", picture)
    text = re.sub(r"(?<![\w\\])\d[\d.:]*( [kM])?( (B|kB|MB|GB|s)\b)?", "#", text)
    return [re.sub(r"(?<=\S) +", " ", line.rstrip()) for line in text.splitlines() if line.strip()]


class TestText:
    def test_the_picture_in_the_docs_is_that_of_this_host(self):
        expected = {"served": "idle", "other": "idle", "flooding": "full", "left": "waits", "right": "waits"}
        with running_host() as host:
            until(
                lambda: Map(host.pid),
                lambda seen: all(seen.processes[host.pids[name]]["state"] == word for name, word in expected.items()),
            )
            shown = run("top", "-n", 1, "-d", 0.2, host.pid).stdout
        if "boxed" not in host.pids:
            pytest.skip("the picture has a worker in a box")
        (picture,) = re.findall(r"```text\n\$ coproc top\n(.*?)```", DOCS.read_text(), re.DOTALL)
        assert shape_of(shown) == shape_of(picture)

    def test_has_nothing_that_a_terminal_would_act_upon(self, host):
        text = run("top", "-n", 2, "-d", 0.05, host.pid).stdout
        assert text.count("coproc top, ") == 2
        assert all(byte == 10 or 32 <= byte < 127 for byte in text.encode())


class Terminal:
    """coproc top on a terminal of its own."""

    def __init__(self, *words, size=(50, 200), delay=0.1):
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.side = side
        self.before = termios.tcgetattr(side)
        self.output = b""
        self.process = subprocess.Popen(
            [COPROC, "top", "-d", str(delay), *map(str, words)],
            stdin=side,
            stdout=side,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def read_until(self, text):
        while text not in self.output:
            has_ended = self.process.poll() is not None
            if select.select([self.main], [], [], 0.1)[0]:
                self.output += os.read(self.main, 65536)
            else:
                assert not has_ended, self.output

    def press(self, keys):
        os.write(self.main, keys)

    def end(self):
        """The exit code, when all that was printed is read and the terminal is compared."""
        self.read_until(b"\x1b[?1049l")
        code = self.process.wait()
        is_restored = termios.tcgetattr(self.side) == self.before
        os.close(self.side)
        os.close(self.main)
        assert is_restored
        assert b"\x1b[?25h" in self.output
        return code


class TestTerminal:
    def test_shows_pictures_until_q_is_pressed(self, host):
        terminal = Terminal(host.pid)
        terminal.read_until(b"flooding")
        terminal.read_until(b" %  ")
        assert terminal.output.startswith(b"\x1b[?1049h")
        assert termios.tcgetattr(terminal.side) != terminal.before
        terminal.press(b"xq")
        assert terminal.end() == 0
        assert b"\\x1b[2J" in terminal.output
        assert b"\x1b[2J" not in terminal.output

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_is_left_as_it_was_by_a_signal(self, host, number):
        terminal = Terminal(host.pid)
        terminal.read_until(b"flooding")
        if number == signal.SIGINT:
            terminal.press(b"\x03")
        else:
            terminal.process.send_signal(number)
        assert terminal.end() == 128 + number

    def test_that_is_small_cuts_lines(self, host):
        terminal = Terminal(host.pid, size=(5, 30))
        terminal.read_until(b"seen_host")
        terminal.press(b"q")
        assert terminal.end() == 0
        pictures = terminal.output.split(b"\x1b[H")[1:]
        for picture in pictures:
            lines = picture.split(b"\x1b[J")[0].replace(b"\r", b"").split(b"\n")
            assert len(lines) == 5
            assert all(len(line.replace(b"\x1b[K", b"")) <= 30 for line in lines)

    def test_that_becomes_larger_is_used_at_once(self, host):
        terminal = Terminal(host.pid, size=(5, 200), delay=1000)
        terminal.read_until(b"seen_host")
        assert b"flooding" not in terminal.output
        fcntl.ioctl(terminal.main, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        terminal.read_until(b"flooding")
        terminal.press(b"q")
        assert terminal.end() == 0

    def test_is_given_back_while_it_is_stopped(self, host):
        terminal = Terminal(host.pid)
        terminal.read_until(b"flooding")
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.read_until(b"\x1b[?1049l")
        _, status = os.waitpid(terminal.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert termios.tcgetattr(terminal.side) == terminal.before
        terminal.output = b""
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read_until(b"flooding")
        terminal.press(b"q")
        assert terminal.end() == 0
