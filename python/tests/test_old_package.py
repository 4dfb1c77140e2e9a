"""What programs of the old package rely on beside what its document shows: names, modules, dataclasses, generics."""

import copy
import dataclasses
import importlib
import os
import pickle
import typing
import weakref

import coproc
import pytest
from coproc.messenger.messages import MessageType


def echo(messenger):
    while True:
        messenger.send_reply(messenger.receive_blocking())


def echo_available(messenger: coproc.PriorityMessenger[int, str]):
    while True:
        messenger.await_available()
        for channel in (1, 2):
            for data in messenger.receive_available(channel):
                messenger.send_norequest(data, channel)


@dataclasses.dataclass
class Owner:
    verbose: bool = False
    resource: coproc.WorkerResource = dataclasses.field(default_factory=lambda: coproc.WorkerResource(echo))


class OwnResource(coproc.WorkerResource):
    def __init__(self, colour):
        super().__init__(echo)
        self.colour = colour


@dataclasses.dataclass
class Watch:
    pid: int
    messenger: coproc.PriorityMessenger
    made: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.made.append("in the host")

    def __call__(self):
        self.messenger.send_norequest((self.pid, self.made))
        while True:
            self.messenger.send_reply(self.messenger.receive_blocking())


@pytest.mark.parametrize("kind", [coproc.WorkerResource, coproc.LegacyWorkerResource])
def test_the_messenger_of_a_class_has_its_name(kind, method):
    worker = kind(Watch, method=method)
    worker.start(pid=5)
    assert worker.messenger.receive_blocking() == (5, ["in the host"])
    worker.messenger.send_request(1)
    assert worker.messenger.receive_blocking() == 1
    worker.stop()


def test_a_legacy_worker_is_constructed_in_the_host():
    made = []

    class Noted(coproc.BaseWorkerProcess):
        def __init__(self, messenger, fails=False):
            super().__init__(messenger)
            made.append(self)
            assert not fails

        def __call__(self):
            echo(self.messenger)

    worker = coproc.LegacyWorkerResource(worker_process_type=Noted, method="fork")
    with pytest.raises(AssertionError):
        worker.start(fails=True)
    assert not worker.is_alive()
    with worker:
        assert len(made) == 2
        with pytest.raises(coproc.LinkClosedError):
            made[1].messenger.send_norequest("nobody")


def test_the_join_of_a_legacy_worker_asks_it_to_close():
    worker = coproc.LegacyWorkerResource(Watch)
    worker.start(pid=7)
    assert worker.join().success
    assert worker.messenger.receive_blocking() == (7, ["in the host"])
    with pytest.raises(coproc.WorkerIsAlreadyDeadError):
        worker.join()
    assert worker.join(check_alive=False).success
    with pytest.raises(coproc.WorkerIsAlreadyDeadError):
        worker.terminate(check_alive=True)
    worker.terminate(check_alive=False)


def test_a_worker_is_a_value_among_the_fields_of_a_dataclass():
    fields = {
        "target": echo,
        "messenger_type": coproc.PriorityMessenger,
        "method": None,
        "_proc": None,
        "_messenger": None,
    }
    assert dataclasses.asdict(Owner()) == {"verbose": False, "resource": fields}
    assert dataclasses.asdict(coproc.WorkerResource(echo)) == fields
    assert Owner() == Owner() and Owner(resource=coproc.WorkerResource(echo, method="spawn")) != Owner()
    assert dataclasses.replace(coproc.WorkerResource(echo), method="spawn").method == "spawn"
    assert coproc.WorkerResource(echo) != coproc.LegacyWorkerResource(echo) and coproc.WorkerResource(echo) != 1
    assert len({coproc.WorkerResource(echo), coproc.WorkerResource(echo)}) == 1


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda worker: pickle.loads(pickle.dumps(worker))])
def test_a_copy_is_a_worker_of_its_own(copied):
    worker = coproc.WorkerResource(
        echo, name="first", stop=coproc.StopOptions(close=3), link=coproc.LinkOptions(ring_bytes=8192)
    )
    with worker:
        other = copied(worker)
        assert not other.is_alive() and other != worker
        with other:
            assert other.pid != worker.pid
            other.messenger.send_request(1)
            assert other.messenger.receive_blocking() == 1
        assert worker.is_alive()
    assert other.stop_options.close == 3 and "worker 'first'" in _text_of(other)
    assert copied(OwnResource("red")).colour == "red"


def _text_of(worker):
    with worker, pytest.raises(coproc.WorkerIsAlreadyAliveError) as caught:
        worker.start()
    return str(caught.value)


def test_generics_can_be_subscripted():
    first, second = typing.TypeVar("first"), typing.TypeVar("second")
    for kind in (coproc.PriorityMessenger, coproc.MultiMessenger, coproc.WorkerResource, coproc.LegacyWorkerResource):
        assert typing.get_origin(kind[int, str]) is kind
        assert typing.get_args(kind[first, second][int, str]) == (int, str)
    assert typing.get_type_hints(echo_available)["messenger"].__origin__ is coproc.PriorityMessenger

    class Own(coproc.PriorityMessenger[int, str]):
        pass

    assert issubclass(Own, coproc.PriorityMessenger)


def test_a_wait_for_any_channel_leaves_messages_to_their_receives():
    with coproc.WorkerResource(echo_available) as worker:
        worker.messenger.send_norequest("hello", 1)
        worker.messenger.send_norequest("hi", 2)
        worker.messenger.await_available()
        assert worker.messenger.receive_blocking(1) == "hello"
        assert worker.messenger.receive_blocking(2) == "hi"
        with pytest.raises(TimeoutError):
            worker.messenger.await_available(timeout=0)
        worker.messenger.send_request_multiple(data=[])


def test_what_was_taken_from_the_link_can_be_popped(pair):
    a, b = pair
    b.send_request("one", "channel")
    with pytest.raises(IndexError):
        a.pop_from_queue("channel")
    assert a.available("channel") == 1
    a.await_available()
    message = a.pop_from_queue("channel")
    assert (message.payload, message.request_reply, message.channel_id) == ("one", True, "channel")


@pytest.mark.parametrize(
    "module, names",
    [
        ("coproc", "ChannelID SendPayloadType RecvPayloadType BaseWorkerProcess"),
        (
            "coproc.messenger",
            "PriorityMessenger MultiMessenger DataMessage ResourceRequestedClose MessageNotRecognizedError "
            "PriorityQueue RequestCtr",
        ),
        ("coproc.messenger.messages", "DataMessage MessageType SendPayloadType RecvPayloadType ChannelID"),
        ("coproc.messenger.exceptions", "ResourceRequestedClose MessageNotRecognizedError"),
        ("coproc.messenger.prioritymessenger", "PriorityMessenger"),
        ("coproc.messenger.multimessenger", "MultiMessenger"),
        ("coproc.messenger.requestctr", "RequestCtr"),
        ("coproc.messenger.queue", "PriorityQueue PriorityMultiQueue MultiQueue ChannelID"),
        (
            "coproc.worker_resource",
            "WorkerResource WorkerIsAlreadyAliveError WorkerIsAlreadyDeadError WorkerIsDeadError",
        ),
        ("coproc.worker_resource.errors", "WorkerIsAlreadyAliveError WorkerIsAlreadyDeadError WorkerIsDeadError"),
        ("coproc.worker_resource.worker_resource", "WorkerResource"),
        ("coproc.legacy_worker_resource.legacy_worker_resource", "LegacyWorkerResource"),
        ("coproc.legacy_worker_resource.baseworkerprocess", "BaseWorkerProcess"),
    ],
)
def test_modules_are_where_they_were(module, names):
    found = importlib.import_module(module)
    assert all(hasattr(found, name) for name in names.split())


def repeat(messenger, times=1):
    while True:
        messenger.send_norequest(messenger.receive_blocking() * times)


def answer(messenger, value):
    messenger.send_norequest(value)
    return messenger.receive_message_blocking()


def test_a_process_that_was_reset_is_started_by_its_start(method):
    worker = coproc.WorkerResource(repeat, method=method)
    with pytest.raises(ValueError):
        worker.check_process_exists()
    worker.reset_process(times=2)
    assert worker.process_exists() and not worker.is_alive() and not worker.proc.is_alive()
    worker.proc.start()
    message = answer(worker.messenger, "ab")
    assert message.payload == "abab" and message.mtype is MessageType.DATA_PAYLOAD
    first = worker.check_process_exists()
    assert first.is_alive() and first.pid == worker.pid
    worker.reset_process(times=3)
    assert not first.is_alive()
    worker.proc.start()
    assert answer(worker.messenger, "ab").payload == "ababab"
    worker.stop()
    worker.reset_process(times=3)
    worker.start()  # with arguments of its own
    assert answer(worker.messenger, "ab").payload == "ab"
    worker.stop()


def test_a_new_pair_is_another_worker(method):
    worker = coproc.WorkerResource(repeat, method=method)
    messenger, process = worker.new_pair(times=2)
    assert not process.is_alive() and process.pid is None
    process.start()
    assert answer(messenger, "ab").payload == "abab"
    assert process.is_alive() and process.pid != os.getpid() and not worker.process_exists()
    process.terminate()
    process.join()
    with pytest.raises(coproc.WorkerDiedError):
        messenger.receive_blocking()


def test_a_worker_that_was_reset_is_freed_when_it_is_dropped(no_collector):
    worker = coproc.WorkerResource(repeat)
    worker.reset_process()
    seen = weakref.ref(worker)
    del worker
    assert seen() is None
