"""Workers that are started again when they end: who is told what, what becomes of requests, and when it is too much."""

import pickle
import signal
import time

import coproc
import pytest
from coproc import Supervised, WorkerDiedError
from supervised import AT_ONCE, MUCH_LATER, die, kill, restart, tenfold, wait_for_end


@pytest.fixture
def worker():
    with Supervised(tenfold, name="tenfold", restart=AT_ONCE) as worker:
        yield worker


def supervised(target=tenfold, **options):
    return Supervised(target, restart={**AT_ONCE, **options})


def test_a_receive_that_finds_its_worker_dead_starts_another_and_raises_once(worker):
    messenger, pid = worker.messenger, worker.pid
    messenger.send_norequest(("exit", 3))
    with pytest.raises(WorkerDiedError) as died:
        messenger.receive_blocking()
    assert (died.value.pid, died.value.exit_status.code, died.value.name) == (pid, 3, "tenfold")
    assert worker.is_alive() and worker.pid != pid and worker.messenger is messenger
    assert worker.exit_status is None
    assert messenger.call(4) == 40
    [told] = worker.history()
    assert isinstance(told, coproc.Restart)
    assert (told.number, told.pid_before, told.pid, told.status.code) == (1, pid, worker.pid, 3)
    assert (told.start_error, told.unanswered, told.resent) == ("", 0, 0) and told.delay >= 0
    assert told.describe().startswith(f"restart 1: worker {pid} exited with code 3")
    assert told.describe() in repr(told)


def test_a_send_that_finds_its_worker_dead_starts_another_and_raises_once(worker):
    kill(worker)
    with pytest.raises(WorkerDiedError):
        while True:
            worker.messenger.send_norequest(b"x" * 1000)
    assert worker.messenger.call(4) == 40
    assert len(worker.history()) == 1


@pytest.mark.parametrize("look", ["available", "receive_available", "await_available", "receive_message_blocking"])
def test_calls_that_look_drive_too(worker, look):
    kill(worker)
    with pytest.raises(WorkerDiedError):
        getattr(worker.messenger, look)()
    assert worker.is_alive()
    assert worker.messenger.call(4) == 40


def test_what_the_worker_had_sent_is_received_first(worker):
    ids = worker.messenger.send_request_multiple([1, 2, "die"])
    wait_for_end(worker)
    assert [worker.messenger.receive_reply(i) for i in ids[:2]] == [10, 20]
    with pytest.raises(WorkerDiedError):
        worker.messenger.receive_reply(ids[2])


def test_an_exception_of_the_target_is_raised_first(worker):
    worker.messenger.send_norequest("raise")
    with pytest.raises(ValueError, match="raised by the worker"):
        worker.messenger.receive_blocking()
    with pytest.raises(WorkerDiedError) as died:
        worker.messenger.receive_blocking()
    assert died.value.exit_status.exception_text == "ValueError: raised by the worker"
    assert "PythonError" not in worker.history()[0].describe()
    assert worker.messenger.call(4) == 40


# ---- what becomes of requests ----


def test_each_request_that_fails_is_told_once_by_its_receive(worker):
    pid = worker.pid
    ids = worker.messenger.send_request_multiple([1, "die", 2, 3])
    assert worker.messenger.receive_reply(ids[0]) == 10
    for failed in ids[1:3]:
        with pytest.raises(WorkerDiedError) as died:
            worker.messenger.receive_reply(failed)
        assert died.value.pid == pid
        with pytest.raises(coproc.NoRequestError):
            worker.messenger.receive_reply(failed)
    assert worker.messenger.remaining() == 0
    assert worker.messenger.send_request(4) > ids[-1]
    assert [told.unanswered for told in worker.history()] == [3]


def test_requests_that_are_dropped_are_counted_and_forgotten():
    with supervised(pending="drop") as worker:
        ids = worker.messenger.send_request_multiple(["die", 2, 3])
        with pytest.raises(WorkerDiedError):
            worker.messenger.receive_reply(ids[0])
        for dropped in ids[1:]:
            with pytest.raises(coproc.NoRequestError):
                worker.messenger.receive_reply(dropped)
        assert worker.history()[0].unanswered == 3
        assert worker.messenger.call(4) == 40


def test_requests_that_are_sent_again_are_answered_without_a_word():
    with supervised(pending="resend", attempts=3) as worker:
        ids = worker.messenger.send_request_multiple(range(100))
        pid = worker.pid
        worker.kill()
        assert [worker.messenger.receive_reply(each, timeout=60) for each in ids] == [10 * i for i in range(100)]
        assert worker.pid != pid
        [told] = worker.history()
        assert told.resent == told.unanswered <= len(ids)


def poisoned(messenger):
    while True:
        value = messenger.receive_blocking()
        if value == 50:
            die()
        messenger.send_reply(value)


def test_one_bad_request_fails_alone():
    with supervised(poisoned, pending="resend") as worker:
        ids = worker.messenger.send_request_multiple(range(100))
        answered, failed = [], []
        for i, request in enumerate(ids):
            try:
                assert worker.messenger.receive_reply(request, timeout=60) == i
                answered.append(i)
            except coproc.RequestAttemptsError as error:
                failed.append((i, error))
        assert len(answered) == 99
        [(number, error)] = failed
        assert number == 50 and len(worker.history()) == 2
        assert isinstance(error, WorkerDiedError) and isinstance(error, Exception)
        assert [status.signal for status in error.statuses] == [signal.SIGKILL] * 2
        assert error.exit_status.signal == signal.SIGKILL
        assert error.pid == worker.history()[-1].pid_before
        assert str(error).count("was killed by SIGKILL") == 3


def test_only_what_was_in_hand_counts_as_an_attempt():
    """The other requests wait in the link behind it, and are sent as often as it takes."""
    with supervised(poisoned, pending="resend", attempts=1) as worker:
        ids = worker.messenger.send_request_multiple([50, 50, 50, 1])
        for request in ids[:3]:
            with pytest.raises(coproc.RequestAttemptsError) as told:
                worker.messenger.receive_reply(request, timeout=60)
            assert len(told.value.statuses) == 1
        assert worker.messenger.receive_reply(ids[3], timeout=60) == 1


def test_a_request_for_whose_copy_there_is_no_room_fails():
    with supervised(pending="resend", resend_bytes=1000) as worker:
        large = worker.messenger.send_request(("exit", 3, b"x" * 2000))
        with pytest.raises(WorkerDiedError) as died:
            worker.messenger.receive_reply(large, timeout=60)
        assert not isinstance(died.value, coproc.RequestAttemptsError)


# ---- when it is started again ----


def test_an_end_with_code_0_is_final_unless_it_is_always_started_again(worker):
    worker.messenger.send_norequest("return")
    for _ in range(2):
        with pytest.raises(WorkerDiedError):
            worker.messenger.receive_blocking()
    assert not worker.is_alive() and worker.history() == []
    with supervised(when="always") as always:
        always.messenger.send_norequest("return")
        with pytest.raises(WorkerDiedError):
            always.messenger.receive_blocking()
        assert always.messenger.call(4) == 40


def test_never_is_as_a_worker_resource():
    with supervised(when="never") as worker:
        kill(worker)
        for _ in range(2):
            with pytest.raises(WorkerDiedError):
                worker.messenger.receive_blocking()
        assert not worker.is_alive()


def test_unless_makes_an_end_final():
    asked = []

    def is_hopeless(status):
        asked.append(status)
        return status.code == 3

    with supervised(unless=is_hopeless) as worker:
        restart(worker)
        worker.messenger.send_norequest(("exit", 3))
        for _ in range(2):
            with pytest.raises(WorkerDiedError):
                worker.messenger.receive_blocking()
        assert [(type(each), each.code) for each in asked] == [(coproc.ExitStatus, None), (coproc.ExitStatus, 3)]
        assert not worker.is_alive()


def test_the_limit_tells_all_ends_until_it_is_started_by_hand():
    with supervised(most=2) as worker:
        worker.messenger.send_norequest("raise")
        with pytest.raises(ValueError):
            worker.messenger.receive_blocking()
        with pytest.raises(WorkerDiedError):
            worker.messenger.receive_blocking()
        worker.messenger.send_norequest(("exit", 3))
        with pytest.raises(WorkerDiedError):
            worker.messenger.receive_blocking()
        kill(worker)
        for call in (worker.messenger.receive_blocking, lambda: worker.messenger.call(1), worker.messenger.available):
            with pytest.raises(coproc.RestartLimitError) as told:
                call()
            assert [(status.code, status.signal) for status in told.value.statuses] == [(1, None), (3, None), (None, 9)]
        assert isinstance(told.value, Exception) and isinstance(told.value, coproc.WorkerIsDeadError)
        assert "ValueError: raised by the worker" in str(told.value)
        assert "PythonError" not in str(told.value) and "::" not in str(told.value)
        copy = pickle.loads(pickle.dumps(told.value))
        assert (type(copy), str(copy), copy.statuses) == (coproc.RestartLimitError, str(told.value), [])
        worker.start()
        assert worker.messenger.call(4) == 40
        restart(worker)


def test_the_delays_are_those_of_the_backoff():
    begin = time.monotonic()
    with Supervised(tenfold, restart={"backoff": {"first": 0.1, "then": 0.2, "spread": 0}}) as worker:
        for _ in range(3):
            restart(worker)
        # They are counted from start to start.
        assert time.monotonic() - begin > 0.1 + 0.2 + 0.4
        assert worker.history()[2].delay > 0


def test_calls_with_a_time_do_not_wait_longer_for_the_backoff():
    with Supervised(tenfold, restart=MUCH_LATER) as worker:
        kill(worker)
        for call in (
            lambda: worker.messenger.receive_blocking(timeout=0.05),
            lambda: worker.messenger.send_request(1, timeout=0.05),
            lambda: worker.messenger.await_available(timeout=0.05),
            lambda: worker.messenger.receive_blocking(timeout=0),
        ):
            with pytest.raises(TimeoutError):
                call()
        assert worker.messenger.try_send(1) is False
        assert worker.messenger.receive_available() == []
        assert worker.history() == []


def test_the_last_32_restarts_are_known(worker):
    for _ in range(34):
        restart(worker)
    assert [told.number for told in worker.history()] == list(range(3, 35))


# ---- the functions of the options ----


def test_on_restart_is_the_first_to_send(worker):
    told = []

    def configure(restarted):
        assert worker.messenger.call("pid") == worker.pid == restarted.pid
        told.append(restarted)

    worker.restart_options.on_restart = configure
    restart(worker)
    restart(worker)
    assert [each.number for each in told] == [1, 2]
    assert [each.pid for each in told] == [each.pid for each in worker.history()]


def collect(messenger):
    """Answers all that it has received so far."""
    received = []
    while True:
        value = messenger.receive_blocking()
        if value == "die":
            die()
        received.append(value)
        if value == "all":
            messenger.send_reply(received)


def test_on_restart_sends_before_what_is_sent_again():
    def configure(_):
        worker.messenger.send_norequest("config")

    with supervised(collect, pending="resend", on_restart=configure) as worker:
        worker.messenger.send_norequest("die")
        request = worker.messenger.send_request("all")
        assert worker.messenger.receive_reply(request, timeout=60) == ["config", "all"]
        assert worker.history()[0].resent == 1


def test_what_on_restart_raises_leaves_the_call_and_the_new_worker_stays():
    def refuse(_):
        raise LookupError("not found")

    with supervised(on_restart=refuse) as worker:
        kill(worker)
        with pytest.raises(LookupError, match="not found"):
            worker.messenger.receive_blocking()
        assert worker.messenger.call(4) == 40
        assert len(worker.history()) == 1


def test_what_unless_raises_leaves_the_call_and_the_next_one_asks_again():
    answers = [KeyError("unless"), False]

    def unsure(_):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with supervised(unless=unsure) as worker:
        kill(worker)
        with pytest.raises(KeyError, match="unless"):
            worker.messenger.receive_blocking()
        with pytest.raises(WorkerDiedError):
            worker.messenger.receive_blocking()
        assert worker.messenger.call(4) == 40


def test_an_answer_of_unless_that_has_no_truth_is_an_error():
    class Unclear:
        def __bool__(self):
            raise ArithmeticError("neither")

    with supervised(unless=lambda _: Unclear()) as worker:
        kill(worker)
        with pytest.raises(ArithmeticError, match="neither"):
            worker.messenger.receive_blocking()


def test_it_can_be_stopped_and_finished_and_is_a_worker_resource(worker):
    assert isinstance(worker, coproc.WorkerResource)
    assert worker.proc.pid == worker.pid
    assert worker.stop().code == 0
    for _ in range(2):
        with pytest.raises(coproc.WorkerIsDeadError):
            worker.messenger.receive_blocking()
    worker.start()
    worker.messenger.send_request(4)
    assert worker.finish().code == 0
    assert list(worker.messenger.receive_remaining()) == [40]
    assert worker.history() == []
    with pytest.raises(coproc.WorkerDiedError):
        worker.stack()
    worker.start()
    with pytest.raises(coproc.WorkerIsAlreadyAliveError):
        worker.start()
    restart(worker)


def test_stack_tells_where_a_living_worker_is(worker):
    worker.messenger.call(1)
    [first, *_] = worker.stack()
    assert first.id == worker.pid and (first.stack or first.note) and first.state
    assert str(first.id) in first.describe() and str(first.id) in repr(first)


def test_one_that_was_never_started_has_nothing():
    worker = Supervised(tenfold)
    assert worker.history() == [] and worker.exit_status is None and not worker.is_alive()
    for call in (worker.stop, worker.kill, worker.finish):
        with pytest.raises(coproc.WorkerIsAlreadyDeadError):
            call()
    with pytest.raises(coproc.WorkerIsDeadError):
        worker.stack()
