"""The Monitor: old names over the core's recording."""

import multiprocessing
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree

import coproc
import pytest

MUCH = 100 * 1024 * 1024


def take(messenger):
    while True:
        kept = b"x" * messenger.receive_blocking()
        messenger.send_reply(len(kept))


def of_pid(result, pid):
    return [stat for stat in result.stats if stat.pid == pid]


def test_it_sees_what_a_worker_takes_and_notes_stand_where_they_were_made(method):
    with coproc.WorkerResource(take, method=method) as worker:
        worker.messenger.send_request(0)
        worker.messenger.receive_blocking()  # by now it has imported what it needs
        with coproc.Monitor(pid=worker.pid, snapshot_seconds=0.01, method=method) as monitor:
            monitor.label("before", details="12 files")
            worker.messenger.send_request(MUCH)
            worker.messenger.receive_blocking()
            monitor.log("after")
            result = monitor.get_stats()
        pid = worker.pid
    assert result.has_results and result.num_notes == 2 and result.num_stats == len(result.stats)
    before, after = result.notes
    assert (before.note, before.details, before.do_label, after.do_label) == ("before", "12 files", True, False)
    curve = of_pid(result, pid)
    assert before.pid == pid
    assert abs(curve[-1].memory_usage - curve[0].memory_usage - MUCH) < 0.02 * MUCH
    assert all(stat.memory_usage < MUCH for stat in curve if stat.end_ts < before.ts)
    assert all(stat.memory_usage >= MUCH for stat in curve if stat.end_ts > after.ts)
    assert curve[0].end_ts < before.ts < after.ts < curve[-1].end_ts
    assert after.memory_usage >= MUCH


def test_it_leaves_itself_out(method):
    with coproc.Monitor(method=method) as monitor:
        others = {stat.pid for stat in monitor.get_stats().stats}
        assert os.getpid() in others
        assert multiprocessing.active_children()[0].pid not in others


def test_the_drawing_is_written_at_the_end_and_is_xml(tmp_path):
    path = tmp_path / "folder" / "run.svg"
    with coproc.Monitor(fig_path=path) as monitor:
        monitor.label("<b>&\x1b[2J")
    texts = [node.text for node in xml.etree.ElementTree.parse(path).iter() if node.text]
    assert r"<b>&\x1b[2J" in texts


def test_the_drawing_is_written_if_the_host_is_killed(tmp_path):
    path = tmp_path / "run.svg"
    program = f"""
import coproc, os, signal
with coproc.Monitor(fig_path={str(path)!r}, method="spawn") as monitor:
    monitor.label("the last words")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    script = tmp_path / "program.py"
    script.write_text("if __name__ == '__main__':" + program.replace("\n", "\n    "))
    # The end of the pipe is the end of the monitor's process, which has it, too.
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE)
    assert done.returncode == -signal.SIGKILL
    assert "the last words" in path.read_text()


def test_the_log_has_a_line_for_each_note_and_print_prints(tmp_path, capsys):
    path = tmp_path / "run.log"
    with coproc.Monitor(log_path=path) as monitor:
        monitor.log("loaded", details="12 files")
        monitor.add_note("not this one", do_log=False)
        monitor.print("printed")
    lines = path.read_text().splitlines()
    assert [line.split("/: ")[1] for line in lines] == ["loaded; details='12 files'", "printed"]
    assert capsys.readouterr().out.endswith("/: printed; details=None\n")


def test_plots_with_and_without_notes(tmp_path):
    with coproc.Monitor() as monitor:
        monitor.label("a mark")
        monitor.save_memory_plot(tmp_path / "with.svg")
        monitor.save_memory_plot(tmp_path / "without.svg", include_notes=False)
        result = monitor.get_stats()
        with pytest.raises(OSError):
            monitor.save_memory_plot(tmp_path / "nowhere" / "run.svg")
        assert monitor.get_stats().has_results
    assert "a mark" in (tmp_path / "with.svg").read_text()
    assert "a mark" not in (tmp_path / "without.svg").read_text()
    result.save_memory_plot(tmp_path / "host.svg")
    assert "a mark" in (tmp_path / "host.svg").read_text()


def test_data_frames_and_figures(tmp_path):
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    with coproc.Monitor() as monitor:
        monitor.label("a $mark", details=None)
        monitor.log("no label")
        result = monitor.get_stats()
        monitor.save_memory_plot(tmp_path / "run.png", font_size=7, dpi=50)
    frame = result.stats_df()
    assert list(frame.columns) == [
        "pid", "start_ts", "end_ts", "memory_usage", "cpu", "monitor_time", "monitor_minutes"
    ]  # fmt: skip
    assert len(frame) == result.num_stats
    assert frame["monitor_minutes"].min() == 0
    notes = result.notes_df()
    assert list(notes["note"]) == ["a $mark"]
    assert 0 < notes["monitor_minutes"][0] < frame["monitor_minutes"].max()
    assert [text.get_text() for text in result.plot_memory().axes[0].texts] == ["a $mark"]
    assert result.plot_memory(include_notes=False).axes[0].texts[:] == []
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_missing_is_named_and_nothing_is_imported_before(monkeypatch):
    code = "import coproc, sys; print({'pandas', 'matplotlib', 'plotnine'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
    with coproc.Monitor() as monitor:
        result = monitor.get_stats()
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="python3-pandas"):
        result.stats_df()
    with pytest.raises(ImportError, match="python3-matplotlib"):
        result.plot_memory()


def test_wrong_arguments():
    with pytest.raises(ValueError, match="snapshot_seconds"):
        coproc.Monitor(snapshot_seconds=0)
    with pytest.raises(ValueError, match="save_fig_freq"):
        coproc.Monitor(save_fig_freq=0)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(ValueError, match="no process"), coproc.Monitor(pid=ended.pid):
        pass


def test_memory_has_the_right_unit():
    sizes = (7, 1234, 5_600_000, 1_230_000_000)
    assert [coproc.Note.format_memory(size) for size in sizes] == ["7.00 Bytes", "1.23 kB", "5.60 MB", "1.23 GB"]
