"""States that survive: a worker saves them, and the next one gets them, however the one before has ended."""

import os
import random
import threading

import coproc
import pytest
from coproc import Supervised, this_worker
from supervised import AT_ONCE, die, kill, restart


class Counts:
    """A state that has to be pickled."""

    def __init__(self):
        self.seen = []


def keeper(messenger):
    """Does what it is told with its state, a list of what it was told to remember."""
    state = this_worker.restored(["first"])
    while True:
        request = messenger.receive_message_blocking()
        what, *rest = request.payload
        if what == "tell":
            messenger.reply_to(request, state)
        elif what == "save":
            state.append(rest[0])
            messenger.save(state)
            messenger.reply_to(request, None)
        elif what == "save and die":
            state.append(rest[0])
            messenger.save(state)
            die()
        elif what == "die":
            die()
        elif what == "too large":
            try:
                messenger.save(bytes(rest[0]))
            except coproc.MessageTooLargeError as error:
                messenger.reply_to(request, str(error))
            else:
                messenger.reply_to(request, "saved")


def count(messenger):
    """Changes its state once for each request, and may end at any line."""
    counts = this_worker.restored()
    if counts is None:
        counts = Counts()
    while True:
        counts.seen.append(messenger.receive_blocking())
        messenger.save_and_reply(counts, list(counts.seen[-1:]) + [len(counts.seen)])


def count_by_message(messenger):
    counts = this_worker.restored(Counts())
    while True:
        request = messenger.receive_message_blocking("lane")
        counts.seen.append(request.payload)
        messenger.save_and_reply_to(counts, request, [request.payload, len(counts.seen)])


def tell_none(messenger):
    """Saves None, and says whether it was given that."""
    given = this_worker.restored("nothing")
    while True:
        messenger.receive_blocking()
        messenger.save(None)
        messenger.send_reply(given)


def test_the_next_worker_gets_what_was_saved(method):
    with Supervised(keeper, method=method, restart=AT_ONCE) as worker:
        assert worker.messenger.call(("tell",)) == ["first"]
        restart(worker)
        assert worker.messenger.call(("tell",)) == ["first"]
        assert worker.messenger.call(("save", {"a": 1})) is None
        for number in range(3):
            restart(worker)
            assert worker.messenger.call(("tell",)) == ["first", {"a": 1}]
        history = worker.history()
        assert history[0].state_bytes is None and all(each.state_bytes > 0 for each in history[1:])
        worker.stop()
        worker.start()
        assert worker.messenger.call(("tell",)) == ["first"]


def test_a_state_counts_when_save_has_returned(method):
    with Supervised(keeper, method=method, restart={**AT_ONCE, "pending": "drop"}) as worker:
        for number in range(5):
            worker.messenger.send_norequest(("save and die", number))
            with pytest.raises(coproc.WorkerDiedError):
                worker.messenger.receive_blocking()
        assert worker.messenger.call(("tell",)) == ["first", 0, 1, 2, 3, 4]


@pytest.mark.parametrize("target, channel", [(count, None), (count_by_message, "lane")])
def test_each_request_takes_effect_exactly_once(target, channel, method):
    """Whenever the worker is killed."""
    options = {**AT_ONCE, "most": 100_000, "pending": "resend", "attempts": 100_000, "state_attempts": 100_000}
    chance = random.Random(7)
    kills = 20 if method == "fork" else 3
    with Supervised(target, method=method, restart=options) as worker:
        done = 0
        while len(worker.history()) < kills:
            requests = worker.messenger.send_request_multiple(range(done, done + 20), channel)
            killer = threading.Timer(chance.random() * 0.01, worker.kill)
            killer.start()
            for number, each in enumerate(requests, done):
                assert worker.messenger.receive_reply(each) == [number, number + 1]
            done += 20
            killer.join()


def test_a_request_that_was_not_answered_has_changed_nothing():
    with Supervised(keeper, restart={**AT_ONCE, "pending": "resend"}) as worker:
        worker.messenger.call(("save", 1))
        with pytest.raises(coproc.RequestAttemptsError):
            worker.messenger.call(("die",))
        assert worker.messenger.call(("tell",)) == ["first", 1]


def test_none_is_a_state():
    with Supervised(tell_none, restart=AT_ONCE) as worker:
        assert worker.messenger.call(0) == "nothing"
        restart(worker)
        assert worker.messenger.call(0) is None


def test_one_that_makes_place_leaves_its_state():
    with Supervised(count, restart={"most": 0, "recycle": {"requests": 3, "spread": 0}}) as worker:
        assert [worker.messenger.call(i)[1] for i in range(10)] == list(range(1, 11))
        assert len(worker.history()) == 3


@pytest.mark.parametrize("most, size", [(100_000, 200_000), (100_000, 99_000), (64 << 20, 8 << 20)])
def test_sizes(most, size):
    with Supervised(keeper, restart={**AT_ONCE, "max_state_bytes": most}) as worker:
        worker.messenger.call(("save", 1))
        said = worker.messenger.call(("too large", size))
        if size > most:
            assert "RestartOptions.max_state_bytes" in said and "::" not in said
            restart(worker)
            assert worker.messenger.call(("tell",)) == ["first", 1]
        else:
            assert said == "saved"
            kill(worker)
            with pytest.raises(coproc.WorkerDiedError):
                worker.messenger.receive_blocking()
            assert worker.history()[-1].state_bytes >= size


def test_with_0_bytes_nothing_is_kept():
    with Supervised(keeper, restart={**AT_ONCE, "max_state_bytes": 0}) as worker:
        worker.messenger.call(("save", 1))
        restart(worker)
        assert worker.messenger.call(("tell",)) == ["first"]
        assert worker.history()[0].state_bytes is None


def end_by_state(messenger):
    if this_worker.restored() == "bad":
        die()
    while True:
        messenger.save(messenger.receive_blocking())
        messenger.send_reply("saved")


def test_a_state_by_which_workers_end_is_dropped():
    with Supervised(end_by_state, method="fork", restart=AT_ONCE) as worker:
        assert worker.messenger.call("bad") == "saved"
        kill(worker)
        while not worker.history() or not worker.history()[-1].state_dropped:
            with pytest.raises(coproc.WorkerDiedError):
                worker.messenger.receive_blocking()
        *given, dropped = worker.history()
        assert len(given) == 2 and all(each.state_bytes > 0 for each in given)
        assert dropped.state_bytes is None
        assert worker.messenger.call("good") == "saved"


def test_without_a_supervised_nothing_is_saved(method):
    with coproc.WorkerResource(keeper, method=method) as worker:
        assert worker.messenger.call(("save", 1)) is None
        assert worker.messenger.call(("tell",)) == ["first", 1]
        worker.stop()
        worker.start()
        assert worker.messenger.call(("tell",)) == ["first"]
    for target, channel in ((count, None), (count_by_message, "lane")):
        with coproc.WorkerResource(target, method=method) as worker:
            assert worker.messenger.call("x", channel) == ["x", 1]
    assert this_worker.restored("none") == "none"


def test_a_pair_saves_nothing(pair):
    a, b = pair
    b.save("state")
    b.send_norequest(1)
    assert a.receive_blocking(timeout=60) == 1
    a.send_request("x")
    request = b.receive_message_blocking(timeout=60)
    b.save_and_reply_to("state", request, "answer", priority=1, timeout=60)
    assert a.receive_blocking(timeout=60) == "answer"
    with pytest.raises(coproc.NoRequestError):
        b.save_and_reply_to("state", request, "again")


def test_a_sandboxed_worker_saves_message_pack():
    with Supervised(keeper, sandbox=coproc.Sandbox.files(), restart=AT_ONCE) as worker:
        worker.messenger.call(("save", (1, 2)))
        restart(worker)
        assert worker.messenger.call(("tell",)) == ["first", [1, 2]]


def test_what_cannot_be_pickled_is_not_saved():
    def target(messenger):
        state = this_worker.restored(0)
        messenger.save(1)
        messenger.receive_blocking()
        try:
            messenger.save(threading.Lock())
        except TypeError:
            messenger.send_reply(state)
        messenger.receive_blocking()

    with Supervised(target, method="fork", restart=AT_ONCE) as worker:
        assert worker.messenger.call(0) == 0
        restart(worker)
        assert worker.messenger.call(0) == 1


def test_the_state_of_a_worker_of_this_process_is_not_that_of_its_host():
    def ask_another(messenger):
        """Is given a state, and has a worker of its own."""
        given = this_worker.restored()
        messenger.save("mine")
        messenger.receive_blocking()
        with coproc.WorkerResource(tell_none, method="fork") as inner:
            messenger.send_reply((given, inner.messenger.call(0), os.getpid()))
        messenger.receive_blocking()

    with Supervised(ask_another, method="fork", restart=AT_ONCE) as worker:
        assert worker.messenger.call(0)[:2] == (None, "nothing")
        restart(worker)
        assert worker.messenger.call(0)[:2] == ("mine", "nothing")
