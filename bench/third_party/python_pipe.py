#!/usr/bin/python3
"""Python's multiprocessing.Pipe to a multiprocessing.Process, with the bytes of the struct or with pickled values.

Python cannot make and check every word of a struct in the time that a message takes. So the content behind a payload's
number is that of payload.hpp for the number modulo 4: it is made beforehand, copied and compared."""

import contextlib
import multiprocessing
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import work

SIZES = (64, 1024, 16384, 262144, 1048576)
NUMBER = struct.Struct("<Q")


def content_of(number, size):
    content = bytearray(size - 8)
    step = 8 if size > 1024 else 1
    for i in range(step, size // 8, step):
        NUMBER.pack_into(content, 8 * (i - 1), (number + i) * 0x9E3779B97F4A7C15 % 2**64)
    return bytes(content)


class BytesEnd:
    def __init__(self, connection, contents):
        self.connection = connection
        self.contents = contents

    def send(self, number):
        self.connection.send_bytes(NUMBER.pack(number) + self.contents[number % 4])

    def receive(self):
        payload = self.connection.recv_bytes()
        (number,) = NUMBER.unpack_from(payload)
        content = self.contents[number % 4]
        return number if len(payload) == 8 + len(content) and payload.endswith(content) else work.WRONG


def run_peer(job, connection, host_connection, peer):
    host_connection.close()  # so that it sees the host's death, as an error
    peer(job, connection)


@contextlib.contextmanager
def connected(job, peer):
    """Start a process that runs `peer(job, connection)`, and yield the host's connection to it."""
    connection, peer_connection = multiprocessing.Pipe()
    with work.process(run_peer, job, peer_connection, connection, peer):
        peer_connection.close()
        yield connection


@contextlib.contextmanager
def start(job, peer):
    with connected(job, lambda job, connection: peer(job, work.Link(connection.send, connection.recv))) as connection:
        yield work.Link(connection.send, connection.recv)


def run(job):
    if job.work not in ("round_trip", "asleep", "stream") or job.size not in SIZES:
        return work.run_values(job, start)
    contents = [content_of(number, job.size) for number in range(4)]
    is_stream = job.work == "stream"

    def serve_bytes(job, connection):
        work.pin_to(job.peer_processor)
        work.serve_numbers(BytesEnd(connection, contents), is_stream)

    with connected(job, serve_bytes) as connection:
        end = BytesEnd(connection, contents)
        result = (work.time_streams if is_stream else work.time_round_trips)(end, job.seconds)
        end.send(work.END)
    return result


if __name__ == "__main__":
    work.run_job(run)
