"""coproc map: who is whose worker, and what is in the links, seen from outside."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from seen import OTHER_USER, Map, run, running_host, until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


@pytest.fixture(scope="module")
def host():
    with running_host() as one:
        yield one


def state(host, name):
    return lambda seen: seen.processes[host.pids[name]]["state"]


class TestProcesses:
    def test_are_those_of_the_host_and_say_how_they_were_started(self, host):
        seen = Map(host.pid)
        assert seen.returncode == 0
        assert seen.processes[host.pid]["host"] is None
        workers = {pid: one for pid, one in seen.processes.items() if one["is_worker"]}
        assert set(workers) == set(host.pids.values())
        assert all(one["host"] == host.pid for one in workers.values())
        starts = {name: workers[pid]["start"] for name, pid in host.pids.items()}
        assert starts["served"] == "fork_server"
        assert starts["forked"] == "fork"
        assert starts["spawned"] == "spawn"
        assert starts["other"] == "executable"
        (server,) = (one for one in seen.processes.values() if one["state"] == "server")
        assert (server["name"], server["host"], server["is_worker"]) == ("coproc-forks", host.pid, False)

    def test_have_states(self, host):
        expected = {
            "served": "idle",
            "forked": "idle",
            "spawned": "idle",
            "silent": "blocked",
            "flooding": "full",
            "working": "works",
            "left": "waits",
            "right": "waits",
        }
        if "boxed" in host.pids:
            expected["boxed"] = "idle"
        seen = until(
            lambda: Map(host.pid),
            lambda seen: all(state(host, name)(seen) == word for name, word in expected.items()),
        )
        assert seen.processes[host.pids["silent"]]["detail"] == "pause"
        assert seen.processes[host.pids["flooding"]]["detail"] == "its host does not read"

    def test_that_are_stopped_are_told(self, host):
        os.kill(host.pids["served"], signal.SIGSTOP)
        try:
            until(lambda: Map(host.pid), lambda seen: state(host, "served")(seen) == "stopped")
        finally:
            os.kill(host.pids["served"], signal.SIGCONT)
        until(lambda: Map(host.pid), lambda seen: state(host, "served")(seen) == "idle")

    def test_that_are_looked_at_are_those_around_the_given_ones(self, host):
        with running_host() as other:
            both = Map(host.pids["served"], other.pid)
            assert {host.pid, other.pid, *host.pids.values(), *other.pids.values()} <= set(both.processes)
            one = Map(host.pids["served"])
            assert host.pid in one.processes
            assert other.pid not in one.processes
            assert all(other.pid not in link["processes"] for link in one.links)
            assert {host.pid, other.pid} <= set(Map().processes)

    def test_that_use_no_coproc_or_are_not_there_are_named(self, host):
        with subprocess.Popen(["sleep", "60"]) as process:
            process.kill()
            result = run("map", host.pid, process.pid)
        process.wait()
        assert result.returncode == 1
        assert f"process {process.pid}: " in result.stderr
        assert "seen_host" in result.stdout
        result = run("map", process.pid)  # it was reaped
        assert result.returncode == 1
        assert "there is no such process" in result.stderr


class TestLinks:
    def test_show_what_is_unread(self, host):
        link = Map(host.pid).link_of(host.pids["silent"])
        to_worker, to_host = link["directions"]
        assert to_worker["unread_messages"] == 3
        assert to_worker["sent_bytes"] == to_worker["unread_bytes"] > 3 * 32
        assert (to_host["sent_bytes"], to_host["unread_bytes"], to_host["unread_messages"]) == (0, 0, 0)
        assert not to_worker["receiver_waits"]
        assert link["ring_bytes"] == 65536

    def test_show_a_sender_that_is_blocked(self, host):
        def look():
            return Map(host.pid).link_of(host.pids["flooding"])["directions"][1]

        to_host = until(look, lambda direction: direction["sender_is_blocked"])
        assert to_host["unread_bytes"] >= 32768
        assert 40 <= to_host["unread_messages"] <= 63  # a kilobyte each

    def test_show_that_all_was_read_although_the_space_is_not_given_back_yet(self, host):
        before = Map(host.pid).link_of(host.pids["served"])["directions"]
        host.tell("ask 10")

        def look():
            return Map(host.pid).link_of(host.pids["served"])["directions"]

        after = until(look, lambda directions: directions[0]["receiver_waits"])
        assert after[0]["sent_bytes"] >= before[0]["sent_bytes"] + 10 * 132
        assert after[1]["sent_bytes"] >= before[1]["sent_bytes"] + 10 * 132
        assert after[0]["unread_bytes"] == 0
        assert after[0]["unread_messages"] == 0

    def test_between_workers_are_pairs(self, host):
        (pair,) = (one for one in Map(host.pid).links if one["kind"] == "pair")
        assert set(pair["processes"]) == {host.pids["left"], host.pids["right"]}
        assert pair["worker"] is None

    def test_of_a_worker_that_has_ended_are_halves(self):
        with running_host() as host:
            os.kill(host.pids["silent"], signal.SIGKILL)
            silent = host.pids["silent"]
            seen = until(
                lambda: Map(host.pid), lambda seen: silent in seen.processes and state(host, "silent")(seen) == "zombie"
            )
            (half,) = (one for one in seen.links if one["kind"] == "half")
            assert half["processes"] == [host.pid]
            assert half["directions"][0]["unread_messages"] == 3
            assert "has ended" in run("map", host.pid).stdout


class TestText:
    def test_is_a_tree_without_anything_that_a_terminal_would_act_upon(self, host):
        for words in (["map", host.pid], ["map", "--json", host.pid]):
            text = run(*words).stdout
            assert all(byte == 10 or 32 <= byte < 127 for byte in text.encode())
        lines = run("map", host.pid).stdout.splitlines()
        assert lines[0].split() == "process pid start state sent to it unread sent back unread ring".split()
        assert lines[1].startswith("seen_host")
        (silent,) = (line for line in lines if line.startswith("  silent "))
        assert silent.split()[1:5] == [str(host.pids["silent"]), "fork_server", "blocked:", "pause"]
        assert "3 (1 %)" in silent and silent.endswith("64 KiB")
        assert any("\\x1b[2J\\u202e<b>" in line for line in lines)
        assert any(line.startswith(f"link of left {host.pids['left']} and right") for line in lines)


class TestGraph:
    def test_has_a_box_for_each_process_and_an_arrow_to_each_worker(self, host):
        text = run("map", "--dot", host.pid).stdout
        assert all(byte == 10 or 32 <= byte < 127 for byte in text.encode())
        assert text.startswith("digraph coproc {\n") and text.endswith("}\n")
        quoted = r'"((?:[^"\\]|\\.)*)"'
        boxes = dict(re.findall(rf"^  p(\d+) \[label={quoted}", text, re.MULTILINE))
        edges = re.findall(rf"^  p(\d+) -> p(\d+) \[(?:label={quoted})?(.*)\];$", text, re.MULTILINE)
        seen = Map(host.pid)
        assert set(map(int, boxes)) == set(seen.processes)
        assert boxes[str(host.pids["silent"])] == f"silent {host.pids['silent']}\\nblocked: pause"
        owned = {(int(a), int(b)) for a, b, _, rest in edges if "dir=none" not in rest}
        assert owned == {(one["host"], pid) for pid, one in seen.processes.items() if one["host"]}
        (pair,) = ({int(a), int(b)} for a, b, _, rest in edges if "dir=none" in rest)
        assert pair == {host.pids["left"], host.pids["right"]}
        how = {int(b): label + rest for _, b, label, rest in edges if "dir=none" not in rest}
        assert "unread 3 (1 %)" in how[host.pids["silent"]] and "red" not in how[host.pids["silent"]]
        assert "color=red" in how[host.pids["flooding"]]

    @pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
    def test_is_what_graphviz_reads(self, host):
        text = run("map", "--dot", host.pid).stdout
        drawn = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True)
        assert drawn.returncode == 0, drawn.stderr
        assert drawn.stdout.count("\nnode ") == len(Map(host.pid).processes)

    def test_or_json_and_not_both(self, host):
        assert run("map", "--dot", "--json", host.pid).returncode != 0


# One process makes a link's memory and forks two that map it. Only the second keeps the descriptor, as a worker does.
SIBLINGS = """
import mmap, os, struct, sys
fd = os.memfd_create("coproc-link", os.MFD_CLOEXEC)
os.ftruncate(fd, 1 << 20)
gate, stays = os.pipe()
ready, says = os.pipe()
def child(keeps):
    pid = os.fork()
    if pid == 0:
        memory = mmap.mmap(os.dup(fd), 1 << 20)
        # mmap keeps a descriptor of its own, which is closed by its number.
        for number in os.listdir("/proc/self/fd"):
            try:
                if not keeps and "coproc-link" in os.readlink("/proc/self/fd/" + number):
                    os.close(int(number))
            except FileNotFoundError:
                pass
        memory[:32] = struct.pack('<QIIQQ', 0x6b6e696c63706f63, 1, 0, 65536, 0)
        os.close(stays)
        os.write(says, b"x")
        os.read(gate, 1)
        os._exit(0)
    return pid
pids = child(False), child(True)
os.close(fd)
os.read(ready, 1), os.read(ready, 1)
print(*pids, flush=True)
sys.stdin.read()
os.close(stays)
os.wait(), os.wait()
"""


def test_of_two_processes_of_which_none_started_the_other_the_worker_has_the_descriptor():
    process = subprocess.Popen(
        [sys.executable, "-c", SIBLINGS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        host, worker = map(int, process.stdout.readline().split())
        seen = Map(host)
        process.stdin.close()
    link = seen.link_of(worker)
    assert (link["kind"], link["host"]) == ("worker", host)


HOSTILE = """
import mmap, os, struct, sys
fd = os.memfd_create("coproc-link", os.MFD_CLOEXEC)
os.ftruncate(fd, 1 << 20)
memory = mmap.mmap(fd, 1 << 20)
exec(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
"""
GOOD = "memory[:32] = struct.pack('<QIIQQ', 0x6b6e696c63706f63, 1, 0, 65536, 0);"

FULL = "memory[192:200] = struct.pack('<Q', 65536);"


class TestHostileMemory:
    @pytest.mark.parametrize(
        "deed, problem",
        [
            ("memory.write(os.urandom(1 << 20))", "does not begin as a link's does"),
            ("os.ftruncate(fd, 0)", "cannot be read"),
            (GOOD + "memory[8:12] = struct.pack('<I', 77)", "version 77"),
            (GOOD + "memory[16:24] = struct.pack('<Q', 1 << 63)", "impossible size"),
            (GOOD + "memory[192:200] = struct.pack('<Q', 8 << 40)", "positions"),
            (GOOD + FULL + "memory[4096:] = os.urandom((1 << 20) - 4096)", None),
            (GOOD + FULL + "os.ftruncate(fd, 8192)", None),
        ],
    )
    def test_is_refused_or_shown_and_does_no_harm(self, deed, problem):
        process = subprocess.Popen(
            [sys.executable, "-c", HOSTILE, deed], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout.readline() == "ready\n"
            seen = Map(process.pid)
            text = run("map", process.pid)
            process.stdin.close()
        assert seen.returncode == 0
        (link,) = seen.links
        if problem:
            assert problem in link["problem"]
            assert problem in text.stdout
        else:
            assert link["directions"][0]["unread_bytes"] == 65536
            assert link["directions"][0]["unread_messages"] is None
            assert "? (100 %)" in text.stdout


@needs_root
class TestOtherUsers:
    def test_cannot_be_looked_into_which_is_told(self, host):
        seen = Map(launcher=OTHER_USER)
        assert seen.returncode == 0
        assert host.pid not in seen.processes
        (root,) = (one for one in seen.whole["not_seen"] if one["user"] == 0)
        assert root["processes"] >= 1 + len(host.pids)
        text = run("map", launcher=OTHER_USER).stdout
        assert "cannot be looked into, of root (" in text
        one = run("map", host.pid, launcher=OTHER_USER)
        assert one.returncode == 1
        assert f"process {host.pid}: it cannot be looked into: run coproc as its user, or as root" in one.stderr

    def test_see_all_of_their_own(self):
        with running_host(OTHER_USER) as host:
            seen = Map(host.pid, launcher=OTHER_USER)
            assert seen.returncode == 0
            assert set(host.pids.values()) <= set(seen.processes)
            assert seen.processes[host.pids["forked"]]["start"] == "fork"
            assert seen.link_of(host.pids["silent"])["directions"][0]["unread_messages"] == 3
            assert seen.processes[host.pid]["user"] == 61234
