"""How a supervised worker is started again: with which arguments, by which ways, and with what of its messenger."""

import io
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import warnings

import coproc
import numpy
import pytest
from coproc import Supervised, WorkerDiedError
from machines import PATIENT
from supervised import AT_ONCE, die, echo_arguments, kill, restart, tenfold


def supervised(target, method=None, **options):
    return Supervised(target, method=method, restart={**AT_ONCE, **options})


class Settings:
    def __init__(self, **values):
        self.__dict__.update(values)

    def __eq__(self, other):
        return vars(self) == vars(other)


def test_arguments_that_are_changed_later_stay_as_they_were(method):
    shared = [1, 2]
    settings = Settings(level=3, table={"a": [shared]})
    array = numpy.arange(10)
    worker = supervised(echo_arguments, method)
    worker.start(settings=settings, shared=shared, array=array)
    try:
        assert worker.messenger.call(0)["settings"] == settings
        settings.level = 4
        settings.table["b"] = 5
        shared.append(3)
        array[:] = 0
        for _ in range(2):
            restart(worker)
            found = worker.messenger.call(0)
            assert found["settings"] == Settings(level=3, table={"a": [[1, 2]]})
            assert found["shared"] == [1, 2]
            assert found["array"].tolist() == list(range(10))
    finally:
        worker.stop()


def test_objects_that_arguments_share_are_shared_in_each_worker():
    def same(messenger, a, b):
        while True:
            messenger.receive_blocking()
            messenger.send_reply(a[0] is b and len(a))

    both = [1]
    worker = supervised(same, "fork")
    worker.start(a=[both], b=both)
    assert worker.messenger.call(0) == 1
    restart(worker)
    assert worker.messenger.call(0) == 1
    worker.stop()


def put(messenger, pipe, count, lock, write, function):
    with lock, count.get_lock():
        count.value += function(1)
    pipe.send(os.getpid())
    write.write(b"x")
    write.flush()
    while True:
        messenger.send_reply(messenger.receive_blocking())


def test_what_is_outside_of_the_process_is_the_same_in_all_workers():
    context = multiprocessing.get_context("fork")
    count, factor = context.Value("i", 0), {"of": 1}
    reader, writer = context.Pipe(duplex=False)
    with tempfile.TemporaryFile() as file, reader, writer:
        worker = supervised(put, "fork")
        worker.start(pipe=writer, count=count, lock=context.Lock(), write=file, function=lambda x: factor["of"] * x)
        assert reader.recv() == worker.pid and worker.messenger.call("still there")
        factor["of"] = 10  # a function is no value
        restart(worker)
        assert reader.recv() == worker.pid and worker.messenger.call("still there")
        worker.stop()
        assert count.value == 11
        file.seek(0)
        assert file.read() == b"xx"


@pytest.mark.parametrize("argument", [threading.Lock(), (each for each in "ab"), {"in": [threading.Event()]}])
def test_arguments_that_cannot_be_copied_are_refused(argument):
    worker = supervised(echo_arguments, "fork")
    with pytest.raises(TypeError, match="its start argument 'bad' cannot be copied .* let the target make it"):
        worker.start(good=[1], bad=argument)
    assert not worker.process_exists()
    worker.start(good=[1])
    assert worker.messenger.call(0) == {"good": [1]}
    worker.stop()


def test_ends_of_pairs_are_refused():
    a, b = coproc.PriorityMessenger.new_pair()
    worker = supervised(echo_arguments)
    for argument in (a, [a], {"end": a}):
        with pytest.raises(TypeError, match="send one end by the function on_restart"):
            worker.start(end=argument)
    assert not a.closed and not b.closed


def test_views_and_files_in_memory_are_copied():
    def see(messenger, view, stream):
        while True:
            messenger.receive_blocking()
            messenger.send_reply((bytes(view), stream.read()))

    memory, stream = bytearray(b"abc"), io.BytesIO(b"xyz")
    worker = supervised(see, "fork")
    worker.start(view=memoryview(memory), stream=[stream][0])
    memory[:] = b"..."
    restart(worker)
    assert worker.messenger.call(0)[0] == b"abc"
    worker.stop()


def test_a_start_that_fails_keeps_the_arguments_before():
    worker = supervised(echo_arguments, "spawn")
    worker.start(x=1)
    worker.stop()
    with pytest.raises(Exception, match="[Pp]ickle"):
        worker.start(x=lambda: threading.Lock(), y=Unpicklable())
    worker.start(x=2)
    restart(worker)
    assert worker.messenger.call(0) == {"x": 2}
    worker.stop()


class Unpicklable:
    """Can be copied here and cannot go anywhere else."""

    count = 0

    def __reduce__(self):
        Unpicklable.count += 1
        if Unpicklable.count > 1:
            raise TypeError("cannot pickle this")
        return Unpicklable, ()


# ---- ways to start ----


def test_each_start_method(method):
    with supervised(tenfold, method) as worker:
        for i in range(3):
            pid = worker.pid
            assert worker.messenger.call(i) == 10 * i
            restart(worker)
            assert worker.pid != pid and worker.proc.pid == worker.pid


def test_classes_are_constructed_anew_by_each_worker(method):
    worker = supervised(Counter, method)
    worker.start(start=5)
    assert [worker.messenger.call(1), worker.messenger.call(1)] == [6, 7]
    restart(worker)
    assert worker.messenger.call(1) == 6
    worker.stop()


class Counter:
    def __init__(self, messenger, start):
        self.messenger = messenger
        self.count = start

    def __call__(self):
        while True:
            self.count += self.messenger.receive_blocking()
            self.messenger.send_reply(self.count)


def test_closures_and_lambdas(method):
    if method != "fork":
        pytest.importorskip("cloudpickle")
    factor = 3
    with supervised(lambda messenger: serve(messenger, lambda x: factor * x), method) as worker:
        assert worker.messenger.call(5) == 15
        restart(worker)
        assert worker.messenger.call(5) == 15


def serve(messenger, function):
    while True:
        messenger.send_reply(function(messenger.receive_blocking()))


def test_in_a_sandbox_with_limits():
    pytest.importorskip("msgpack")
    with Supervised(tenfold, sandbox=coproc.Sandbox.guard(), limits=coproc.Limits(open_files=100),
                    restart=AT_ONCE) as worker:  # fmt: skip
        before = worker.confinement().describe()
        assert worker.messenger.call(4) == 40
        restart(worker)
        assert worker.messenger.call(4) == 40
        assert worker.confinement().describe() == before


@pytest.fixture
def fail_late(monkeypatch):
    """Return a function, after which so many starts fail when the new worker has taken the old one's place."""
    failures = []
    usual = Supervised._await_box

    def await_box(self, box):
        confined = usual(self, box)
        if failures:
            self._worker.stop(coproc.StopOptions(0, 0))
            raise coproc.StartError(f"worker: no box {failures.pop()}", "sandbox")
        return confined

    monkeypatch.setattr(Supervised, "_await_box", await_box)
    return lambda count: failures.extend(range(1, count + 1))


LIMITED = {"limits": coproc.Limits(open_files=100), "restart": {**AT_ONCE, "pending": "resend", "attempts": 1}}


def test_a_box_that_cannot_be_had_is_a_start_that_fails_and_loses_no_request(fail_late):
    with Supervised(tenfold, **LIMITED) as worker:
        fail_late(2)
        os.kill(worker.pid, signal.SIGSTOP)
        ids = [worker.messenger.send_request(i) for i in range(5)]
        kill(worker)
        assert [worker.messenger.receive_reply(each, timeout=60) for each in ids] == [0, 10, 20, 30, 40]
        first, second, third = worker.history()
        assert "no box 2" in first.start_error and first.pid == 0 and "no box 1" in second.start_error
        assert (third.unanswered, third.resent, third.pid) == (5, 5, worker.pid)


def test_what_was_in_hand_before_a_start_that_fails_counts_as_an_attempt(fail_late):
    with Supervised(tenfold, **LIMITED) as worker:
        fail_late(1)
        bad, good = worker.messenger.send_request_multiple(["die", 4])
        with pytest.raises(coproc.RequestAttemptsError):
            worker.messenger.receive_reply(bad, timeout=60)
        assert worker.messenger.receive_reply(good, timeout=60) == 40
        assert [each.pid != 0 for each in worker.history()] == [False, True]


def test_a_start_that_fails_counts_and_is_told_at_the_limit(monkeypatch):
    class Broken(Supervised):
        def _start_process(self, kwargs):
            if self._is_restarting:
                raise OSError(12, "no memory left")
            super()._start_process(kwargs)

    worker = Broken(tenfold, name="tenfold", restart={"most": 3, "backoff": {"then": 0}})
    worker.start()
    kill(worker)
    with pytest.raises(coproc.RestartLimitError) as told:
        worker.messenger.receive_blocking()
    assert [each.signal for each in told.value.statuses] == [9, None, None, None]
    assert "worker 'tenfold' could not be started again: OSError: [Errno 12] no memory left" in str(told.value)
    assert [each.pid for each in worker.history()] == [0, 0, 0]
    assert "no memory left" in worker.history()[0].start_error
    assert "another start failed" in worker.history()[0].describe()


def test_on_another_machine():
    machine = coproc.Machine(coproc.command(["env"]), **PATIENT)
    with Supervised(tenfold, machine=machine, restart=AT_ONCE) as worker:
        worker.messenger.send_norequest(("exit", 3))
        with pytest.raises(WorkerDiedError):
            worker.messenger.receive_blocking()
        assert worker.messenger.call(4) == 40
        assert worker.history()[0].status.code == 3


def test_copies_are_supervised_workers_of_their_own():
    import copy

    worker = Supervised(tenfold, name="one", restart={"most": 7})
    worker.start()
    other = copy.deepcopy(worker)
    assert (type(other), other.restart_options, other.process_exists()) == (Supervised, worker.restart_options, False)
    assert other.restart_options is not worker.restart_options
    other.start()
    restart(other)
    assert other.messenger.call(4) == 40 and worker.history() == []
    other.stop()
    worker.stop()


def test_names_of_the_old_package():
    worker = supervised(tenfold)
    worker.reset_process(base=1)
    worker.proc.start()
    restart(worker)
    assert worker.messenger.call(4) == 41
    worker.stop()
    messenger, process = worker.new_pair(base=2)
    process.start()
    assert messenger.call(4) == 42
    process.terminate()


def test_environment_stderr_number_and_seed():
    def look(messenger):
        os.write(2, b"look\n")
        while True:
            if messenger.receive_blocking() == "die":
                die()
            messenger.send_reply((os.environ["LEVEL"], coproc.this_worker.number(), coproc.this_worker.seed()))

    with Supervised(look, number=5, seed=6, env={"LEVEL": "3"}, capture_stderr=True, restart=AT_ONCE) as worker:
        first = worker.messenger.call(0)
        error = restart(worker)
        assert error.exit_status.stderr_tail == "look\n"
        assert worker.messenger.call(0) == first == ("3", 5, first[2])


def test_a_fork_among_threads_is_warned_of_where_the_call_is():
    if multiprocessing.get_start_method() != "fork" or sys.version_info >= (3, 12):
        pytest.skip("there is no such warning")
    over = threading.Event()
    with supervised(tenfold) as worker:
        threading.Thread(target=over.wait).start()
        kill(worker)
        with warnings.catch_warnings(record=True) as said, pytest.raises(WorkerDiedError):
            warnings.simplefilter("always")
            worker.messenger.receive_blocking()
        over.set()
    [warning] = [each for each in said if issubclass(each.category, RuntimeWarning)]
    assert warning.filename == __file__


def test_200_restarts_leave_nothing(method, descriptors):
    if method == "spawn":
        count = 10  # each imports everything anew
    else:
        count = 200 if method == "fork" else 50
    with supervised(tenfold, method, most=10_000) as worker:
        for _ in range(5):
            restart(worker)
        before, children = descriptors(), children_of_this_thread()
        for _ in range(count):
            restart(worker)
        assert descriptors() == before
        assert children_of_this_thread() == children
        assert [each.pid for each in multiprocessing.active_children()] == [worker.pid]
        assert worker.messenger.call(4) == 40
        assert worker.history()[-1].number == 5 + count


def children_of_this_thread():
    with open(f"/proc/self/task/{threading.get_native_id()}/children") as file:
        return len(file.read().split())
