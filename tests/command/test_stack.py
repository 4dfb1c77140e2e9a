"""coproc stack: where the threads of a living process are."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from seen import COPROC, OTHER_USER, Map, run, running_host, until

HAS_DEBUGGER = shutil.which("eu-stack") or shutil.which("gdb")
NO_PROGRAMS = {**os.environ, "PATH": "/nowhere"}


@pytest.fixture(scope="module")
def host():
    with running_host() as one:
        yield one


def threads_of(pid, **options):
    result = run("stack", "--json", pid, **options)
    assert result.returncode == 0, result.stderr
    whole = json.loads(result.stdout)
    assert whole["pid"] == pid
    return whole["source"], whole["threads"]


class TestWorkers:
    def test_say_where_they_are_without_a_debugger(self, host):
        until(lambda: Map(host.pid), lambda seen: seen.processes[host.pids["silent"]]["state"] == "blocked")
        source, (thread,) = threads_of(host.pids["silent"], env=NO_PROGRAMS)
        assert source == "worker"
        assert (thread["id"], thread["name"]) == (host.pids["silent"], "silent")
        assert (thread["state"], thread["system_call"], thread["note"]) == ("sleeping", "pause", "")
        assert thread["stack"][0].startswith("#0 pause")
        assert "deaf(coproc" in thread["stack"][-1] and "(seen_host+0x" in thread["stack"][-1]

    def test_of_every_start_method_answer(self, host):
        for name in set(host.pids) & {"served", "spawned", "forked", "boxed", "other"}:
            source, (thread,) = threads_of(host.pids[name], env=NO_PROGRAMS)
            assert source == "worker", name
            assert thread["stack"]

    def test_go_on_afterwards(self, host):
        for _ in range(20):
            assert threads_of(host.pids["served"])[0] == "worker"
        host.tell("ask 5")
        assert threads_of(host.pids["working"])[1][0]["state"] == "running"

    def test_that_are_stopped_stay_so(self, host):
        pid = host.pids["silent"]
        os.kill(pid, signal.SIGSTOP)
        try:
            until(lambda: Map(host.pid), lambda seen: seen.processes[pid]["state"] == "stopped")
            source, (thread,) = threads_of(pid, env=NO_PROGRAMS)
            assert source is None
            assert (thread["state"], thread["note"]) == ("stopped", "a stopped thread cannot answer")
            if HAS_DEBUGGER:
                source, (thread,) = threads_of(pid)
                assert source in ("eu-stack", "gdb")
                assert any("pause" in frame for frame in thread["stack"])
            assert Map(host.pid).processes[pid]["state"] == "stopped"
        finally:
            os.kill(pid, signal.SIGCONT)
        until(lambda: Map(host.pid), lambda seen: seen.processes[pid]["state"] == "blocked")

    def test_have_names_that_a_terminal_does_not_act_upon(self, host):
        for words in (["stack"], ["stack", "--json"]):
            text = run(*words, host.pids["evil"]).stdout
            assert "x1b[2J" in text
            assert all(byte == 10 or 32 <= byte < 127 for byte in text.encode())


# A process that is no worker, and would tell of a signal that is not meant for it. It has two threads.
OTHER = """
import signal, sys, threading
def told(*_):
    print("a signal came", flush=True)
for number in (signal.SIGRTMAX - 2, signal.SIGRTMAX - 1):
    signal.signal(number, told)
gate = threading.Event()
thread = threading.Thread(target=gate.wait)
thread.start()
print("ready", flush=True)
sys.stdin.read()
gate.set()
"""


@pytest.fixture
def other():
    process = subprocess.Popen([sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    yield process
    output, _ = process.communicate()
    assert output == ""  # no signal
    assert process.returncode == 0


class TestOtherProcesses:
    @pytest.mark.skipif(not HAS_DEBUGGER, reason="neither eu-stack nor gdb is installed")
    def test_are_shown_by_a_debugger(self, other):
        source, threads = threads_of(other.pid)
        assert source in ("eu-stack", "gdb")
        assert len(threads) == 2
        assert all(thread["stack"] and thread["note"] == "" for thread in threads)
        assert any("read" in frame for frame in threads[0]["stack"])

    def test_have_states_and_a_remedy_without_a_debugger(self, other):
        source, threads = threads_of(other.pid, env=NO_PROGRAMS)
        assert source is None
        assert len(threads) == 2
        assert all(thread["stack"] == [] and "apt-get install elfutils" in thread["note"] for thread in threads)
        assert [thread["system_call"] for thread in threads] == ["read", "futex"]
        assert "in the system call read: neither" in run("stack", other.pid, env=NO_PROGRAMS).stdout

    def test_of_other_users_say_what_is_not_permitted(self, other):
        if os.geteuid() != 0:
            pytest.skip("only root can be another user")
        source, threads = threads_of(other.pid, launcher=OTHER_USER)
        assert source is None
        assert [thread["state"] for thread in threads] == ["sleeping", "sleeping"]
        if HAS_DEBUGGER:
            assert "not permitted" in threads[0]["note"]

    def test_that_are_not_there_are_refused(self):
        result = run("stack", 2**22 + 1)
        assert (result.returncode, result.stdout) == (1, "")
        assert "there is no such process" in result.stderr

    def test_that_have_ended_have_no_stack(self):
        process = subprocess.Popen(["true"])
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        source, (thread,) = threads_of(process.pid)
        assert (source, thread["state"], thread["stack"]) == (None, "ended", [])
        assert "it has ended" in thread["note"]
        process.wait()


class TestDebuggers:
    """With a program in the place of a debugger."""

    @pytest.fixture
    def folder(self):
        with tempfile.TemporaryDirectory() as folder:
            yield folder

    def threads(self, folder, name, text, pid):
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\nprintf '{text}'\n")
        os.chmod(path, 0o755)
        return threads_of(pid, env={**os.environ, "PATH": folder})

    def test_of_elfutils_are_understood(self, other, folder):
        (second,) = (int(one) for one in os.listdir(f"/proc/{other.pid}/task") if int(one) != other.pid)
        text = f"PID {other.pid} - process\\nTID {other.pid}:\\n#0  0x1 read\\n#1  0x2 main\\n"
        text += f"TID {second}:\\n#0  0x3 wait\\n"
        source, threads = self.threads(folder, "eu-stack", text, other.pid)
        assert source == "eu-stack"
        assert [thread["stack"] for thread in threads] == [["#0  0x1 read", "#1  0x2 main"], ["#0  0x3 wait"]]

    def test_may_print_anything(self, other, folder):
        text = "TID 99999999999999:\\n#0 \\033[2J\\nThread (LWP )\\n#\\n(LWP 7\\nTID\\n\\377\\000#1 x"
        source, threads = self.threads(folder, "gdb", text, other.pid)
        assert source == "gdb"
        assert "\x1b" not in json.dumps(threads, ensure_ascii=False)
        assert threads[0]["stack"] == ["#0 \\x1b[2J", "#"]

    def test_download_nothing(self, other, folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DEBUGINFOD_URLS", "https://debuginfod.invalid")
            text = """#0 urls:'"$DEBUGINFOD_URLS path:$PATH"'"""
            _, threads = self.threads(folder, "eu-stack", text, other.pid)
        assert threads[0]["stack"] == [f"#0 urls: path:{folder}"]

    @pytest.mark.parametrize("how", ["Ctrl-C", signal.SIGTERM, signal.SIGHUP])
    def test_end_with_the_command(self, other, folder, how):
        path = os.path.join(folder, "eu-stack")
        with open(path, "w") as file:
            file.write("#!/bin/sh\nfolder=$(/usr/bin/dirname $0)\ntrap 'echo > $folder/let-go; exit' TERM\n")
            file.write("trap 'echo > $folder/interrupted' INT\n")
            file.write("echo $$ > $folder/new; /bin/mv $folder/new $folder/pid\nwhile :; do /bin/sleep 0.05; done\n")
        os.chmod(path, 0o755)
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(COPROC, [COPROC, "stack", str(other.pid)], {**os.environ, "PATH": folder})
        until(lambda: None, lambda _: os.path.exists(os.path.join(folder, "pid")))
        with open(os.path.join(folder, "pid")) as file:
            debugger = int(file.read())
        if how == "Ctrl-C":
            os.write(terminal, b"\x03")
        else:
            os.kill(pid, how)
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == (signal.SIGINT if how == "Ctrl-C" else how)
        assert not os.path.exists(f"/proc/{debugger}")
        assert os.path.exists(os.path.join(folder, "let-go"))
        # gdb would pass SIGINT on to the process.
        assert not os.path.exists(os.path.join(folder, "interrupted"))

    def test_go_on_when_what_ends_the_command_is_ignored(self, other, folder):
        path = os.path.join(folder, "eu-stack")
        with open(path, "w") as file:
            file.write("#!/bin/sh\nkill -INT $PPID\nkill -HUP $PPID\n/bin/sleep 0.2\n")
            file.write(f"printf 'TID {other.pid}:\\n#0 read\\n'\n")
        os.chmod(path, 0o755)
        ignoring = ["/bin/sh", "-c", "trap '' INT HUP; exec \"$@\"", "sh"]
        source, threads = threads_of(other.pid, env={**os.environ, "PATH": folder}, launcher=ignoring)
        assert source == "eu-stack"
        assert threads[0]["stack"] == ["#0 read"]

    def test_may_show_nothing(self, other, folder):
        source, threads = self.threads(folder, "eu-stack", "", other.pid)
        assert source is None
        assert threads[0]["note"] == "eu-stack has shown no stack"
