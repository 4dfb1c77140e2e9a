#!/usr/bin/python3
"""The design that coproc's Python module replaces: a messenger in Python, with priorities, channels and requests, over
multiprocessing.Pipe. Only the code that a message passes through is here."""

import collections
import contextlib
import dataclasses
import heapq
import itertools
import math
import multiprocessing
import pathlib
import sys
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import work


class ResourceRequestedClose(BaseException):
    pass


@dataclasses.dataclass
class DataMessage:
    payload: typing.Any
    request_reply: bool
    is_reply: bool
    channel_id: typing.Hashable = None

    @property
    def priority(self):
        try:
            return self.payload.priority
        except AttributeError:
            return -math.inf


@dataclasses.dataclass
class ErrorMessage:
    exception: BaseException


@dataclasses.dataclass
class CloseRequest:
    pass


class PriorityQueue:
    """Returns the lowest priority first, and of equal ones the item that was put first."""

    def __init__(self):
        self.heap = []
        self.count = itertools.count()

    def put(self, message):
        heapq.heappush(self.heap, (message.priority, next(self.count), message))

    def get(self):
        return heapq.heappop(self.heap)[2]


@dataclasses.dataclass
class PriorityMultiQueue:
    queues: dict = dataclasses.field(default_factory=dict)

    def put(self, message, channel_id):
        self.queues.setdefault(channel_id, PriorityQueue()).put(message)

    def get(self, channel_id):
        return self.queues[channel_id].get()

    def empty(self, channel_id):
        return channel_id not in self.queues or not self.queues[channel_id].heap


@dataclasses.dataclass
class RequestCtr:
    """Counts requests and replies for each channel."""

    requests: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    replies: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    sent: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    received: collections.Counter = dataclasses.field(default_factory=collections.Counter)


@dataclasses.dataclass
class PriorityMessenger:
    pipe: typing.Any
    queue: PriorityMultiQueue = dataclasses.field(default_factory=PriorityMultiQueue)
    request_ctr: RequestCtr = dataclasses.field(default_factory=RequestCtr)

    def send_norequest(self, payload, channel_id=None):
        self.send(DataMessage(payload, False, False, channel_id))

    def send_request(self, payload, channel_id=None):
        self.send(DataMessage(payload, True, False, channel_id))
        self.request_ctr.requests[channel_id] += 1

    def send_reply(self, payload, channel_id=None):
        self.send(DataMessage(payload, True, True, channel_id))

    def send(self, message):
        self.pipe.send(message)
        self.request_ctr.sent[message.channel_id] += 1

    def receive_blocking(self, channel_id=None):
        while self.pipe.poll() or self.queue.empty(channel_id):
            self.handle(self.pipe.recv())
        return self.queue.get(channel_id).payload

    def handle(self, message):
        if isinstance(message, DataMessage):
            self.request_ctr.received[message.channel_id] += 1
            if message.is_reply:
                self.request_ctr.replies[message.channel_id] += 1
            self.queue.put(message, message.channel_id)
        elif isinstance(message, ErrorMessage):
            raise message.exception
        elif isinstance(message, CloseRequest):
            raise ResourceRequestedClose()
        else:
            raise TypeError(f"not a message: {message!r}")


def run_worker(target, messenger, host_pipe, job, peer):
    host_pipe.close()
    target(messenger, job, peer)


def target(messenger, job, peer):
    peer(job, work.messenger_link(job, messenger, is_host=False))


@contextlib.contextmanager
def start(job, peer):
    pipe, worker_pipe = multiprocessing.Pipe()
    with work.process(run_worker, target, PriorityMessenger(worker_pipe), pipe, job, peer):
        worker_pipe.close()
        yield work.messenger_link(job, PriorityMessenger(pipe), is_host=True)


if __name__ == "__main__":
    work.run_job(lambda job: work.run_values(job, start))
