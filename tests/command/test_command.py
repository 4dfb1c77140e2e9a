"""The command coproc, run as a user runs it."""

import csv
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile

import pytest

COPROC = os.environ["COPROC_COMMAND"]


@pytest.fixture
def tmp_path():
    """A folder that goes with its test: pytest's own stays."""
    with tempfile.TemporaryDirectory() as folder:
        yield pathlib.Path(folder)


def run(*words, **options):
    return subprocess.run([COPROC, *words], capture_output=True, text=True, **options)


def python(text):
    return ["--", sys.executable, "-c", text]


def test_the_version_is_told():
    assert run("--version").stdout.startswith("coproc 0.")


def test_unknown_words_are_refused():
    result = run("juggle")
    assert result.returncode != 0
    assert "subcommand" in result.stderr


class TestMonitor:
    def test_the_table_has_all_processes_with_their_peaks(self, tmp_path):
        child = "x = b'1' * (120 << 20); import time; time.sleep(1)"
        parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
        file = tmp_path / "run.json"
        result = run("monitor", "-o", str(file), "--interval", "20", *python(parent))
        assert result.returncode == 0, result.stderr
        assert "peak of all together" in result.stderr
        processes = json.loads(file.read_text())["processes"]
        assert len(processes) == 2
        assert max(one["peak_bytes"] for one in processes) > 120 << 20

    def test_without_descendants(self, tmp_path):
        file = tmp_path / "run.json"
        parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(0.5)'])"
        run("monitor", "--alone", "-q", "-o", str(file), "--interval", "20", *python(parent), check=True)
        assert len(json.loads(file.read_text())["processes"]) == 1

    def test_streams_and_words_are_those_of_the_command(self):
        text = "import sys; print(sys.stdin.read().upper() + sys.argv[1]); sys.exit(7)"
        result = run("monitor", "-q", *python(text), "--output", input="hello ")
        assert (result.stdout, result.stderr, result.returncode) == ("HELLO --output\n", "", 7)

    def test_a_signal_that_ends_the_command_is_told(self):
        assert run("monitor", "-q", *python("import os; os.kill(os.getpid(), 9)")).returncode == 128 + 9

    def test_a_command_that_is_not_there(self):
        result = run("monitor", "--", "no-such-command-anywhere")
        assert result.returncode == 127
        assert "no-such-command-anywhere" in result.stderr

    def test_a_file_that_cannot_be_executed(self, tmp_path):
        file = tmp_path / "text"
        file.write_text("no program")
        assert run("monitor", "--", str(file)).returncode == 126

    def test_a_format_that_is_not_known_is_refused_before_the_command_runs(self, tmp_path):
        result = run("monitor", "-o", "run.doc", *python(f"open({str(tmp_path / 'trace')!r}, 'w')"))
        assert result.returncode == 125
        assert ".svg" in result.stderr
        assert not (tmp_path / "trace").exists()

    def test_sigterm_is_passed_on_and_the_file_is_written(self, tmp_path):
        file = tmp_path / "run.csv"
        text = (
            "import signal, sys, time\n"
            "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
            "print('ready', flush=True)\n"
            "while True: time.sleep(0.1)"
        )
        process = subprocess.Popen([COPROC, "monitor", "-q", "-o", str(file), *python(text)], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait() == 3
        with open(file) as lines:
            assert len(list(csv.reader(lines))) >= 2

    def test_a_terminals_interrupt_ends_the_command_alone(self, tmp_path):
        file = tmp_path / "run.csv"
        text = "print('ready', flush=True)\nimport time\ntime.sleep(60)"
        process = subprocess.Popen(
            [COPROC, "monitor", "-q", "-o", str(file), *python(text)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert process.stdout.readline() == b"ready\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        process.stdout.close()
        assert process.wait() in (1, 128 + signal.SIGINT)
        assert file.exists()


class TestDoctor:
    def test_this_machine_is_fit(self):
        result = run("doctor", "--json")
        findings = {one["name"]: one for one in json.loads(result.stdout)}
        assert result.returncode == 0, result.stdout
        for name in ("versions", "shared memory", "descriptors", "fork_server", "fork", "spawn"):
            assert name in findings
        assert all(one["verdict"] != "fails" for one in findings.values())
        assert all(("remedy" in one) == (one["verdict"] != "ok") for one in findings.values())

    def test_few_descriptors_are_told_with_a_remedy(self):
        def lower():
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

        lines = run("doctor", preexec_fn=lower).stdout.splitlines()
        (at,) = (i for i, line in enumerate(lines) if line.split()[1] == "descriptors")
        assert lines[at].startswith("warns")
        assert "25 workers" in lines[at]
        assert "ulimit -n" in lines[at + 1]

    def test_no_memory_for_links_fails(self):
        def lower():
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        result = run("doctor", preexec_fn=lower)
        assert result.returncode == 1
        assert any(line.startswith("fails") and "shared memory" in line for line in result.stdout.splitlines())
