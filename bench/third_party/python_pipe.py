#!/usr/bin/python3
"""Python's multiprocessing.Pipe to a multiprocessing.Process, with the bytes of the struct.

The works and the line of JSON are those of work.hpp. Python cannot make and check every word in the time that a message takes:
what follows a payload's number is that of payload.hpp for the number modulo 4, made beforehand, so that it is copied and
compared."""

import json
import multiprocessing
import os
import signal
import statistics
import struct
import sys
from time import perf_counter as now

NOT_OFFERED = 3
SIZES = (64, 1024, 16384, 262144, 1048576)
LAST, END, WRONG = 1 << 63, 2**64 - 2, 2**64 - 1
NUMBER = struct.Struct("<Q")


def content_of(number, size):
    content = bytearray(size - 8)
    step = 8 if size > 1024 else 1
    for i in range(step, size // 8, step):
        NUMBER.pack_into(content, 8 * (i - 1), (number + i) * 0x9E3779B97F4A7C15 % 2**64)
    return bytes(content)


class End:
    def __init__(self, connection, contents):
        self.connection = connection
        self.contents = contents

    def send(self, number):
        self.connection.send_bytes(NUMBER.pack(number) + self.contents[number % 4])

    def receive(self):
        payload = self.connection.recv_bytes()
        (number,) = NUMBER.unpack_from(payload)
        content = self.contents[number % 4]
        return number if len(payload) == 8 + len(content) and payload.endswith(content) else WRONG

    def exchange(self, number):
        self.send(number)
        check(self.receive() == number, "an answer is not its request")

    def stream(self, count):
        start = now()
        for number in range(count - 1):
            self.send(number)
        self.send((count - 1) | LAST)
        check(self.receive() == count, "the peer has not seen every message right and in order")
        return now() - start


def time_round_trips(end, seconds):
    begin, count = now(), 0
    while now() < begin + 0.15 * seconds:
        end.exchange(count)
        count += 1
    in_piece = int(0.01 * seconds / ((now() - begin) / count)) + 1

    def times(until, count_each, at_least):
        found, previous = [], now()
        while previous < until or len(found) < at_least:
            for number in range(count_each):
                end.exchange(number)
            time = now()
            found.append((time - previous) * 1e6 / count_each)
            previous = time
        return found

    pieces = times(begin + 0.75 * seconds, in_piece, 3)
    sample = sorted(times(begin + seconds, 1, 10))
    percentiles = {str(p): sample[round(p / 100 * (len(sample) - 1))] for p in (1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)}
    return {"unit": "us", "value": statistics.median(pieces), "messages": in_piece * len(pieces), "percentiles": percentiles}


def time_streams(end, seconds):
    wanted, count = seconds / 12, 32
    while (taken := end.stream(count)) < wanted:
        count *= 2
    count = max(32, int(count * wanted / taken) // 32 * 32)
    begin, rates = now(), []
    while now() < begin + seconds or len(rates) < 3:
        rates.append(count / end.stream(count))
    return {"unit": "messages/s", "value": statistics.median(rates), "messages": count * len(rates)}


def run_peer(end, host_connection, work, processor):
    host_connection.close()  # so that it sees the host's death, as an error
    pin_to(processor)
    seen = right = 0
    while (number := end.receive()) != END:
        if work != "stream":
            end.send(number)
            continue
        is_last = number != WRONG and number & LAST != 0
        right += number == (seen | LAST if is_last else seen)
        seen += 1
        if is_last:
            end.send(right)
            seen = right = 0


def check(is_right, what):
    if not is_right:
        sys.exit(f"python_pipe: {what}")


def pin_to(processor):
    if processor >= 0:
        os.sched_setaffinity(0, {processor})


def main(work, size, host_processor, peer_processor, seconds):
    if work not in ("round_trip", "asleep", "stream") or size not in SIZES:
        sys.exit(NOT_OFFERED)
    signal.alarm(int(20 + 10 * seconds))
    pin_to(host_processor)
    contents = [content_of(number, size) for number in range(4)]
    connection, peer_connection = multiprocessing.Pipe()
    arguments = (End(peer_connection, contents), connection, work, peer_processor)
    peer = multiprocessing.Process(target=run_peer, args=arguments, daemon=True)
    peer.start()
    peer_connection.close()
    end = End(connection, contents)
    result = time_streams(end, seconds) if work == "stream" else time_round_trips(end, seconds)
    end.send(END)
    peer.join()
    check(peer.exitcode == 0, "the peer failed")
    print(json.dumps(result))


if len(sys.argv) != 6:
    sys.exit(f"usage: {sys.argv[0]} WORK SIZE HOST_PROCESSOR PEER_PROCESSOR SECONDS")
main(sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5]))
