#!/usr/bin/env python3
"""Prints what `coproc serve` takes of a processor while no page is open, and while one is.

    bench/serve_cost.py build/release/bin/coproc build/release/tests/command/serve_host [WORKERS [SECONDS]]

The host has 200 workers if no other number is given. It sends a request to the first one every 20 ms; the others are
idle. Each figure is over 20 seconds, after the first 3.
"""

import subprocess
import sys
import threading
import time
import urllib.request


def processor_seconds(pid):
    return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3) makes it


def rates_of(pid, seconds, read=lambda: 0):
    """A second: the processor time of a process, and what `read` returns."""
    time.sleep(3)
    begin, used, before = time.monotonic(), processor_seconds(pid), read()
    time.sleep(seconds)
    used, read_now = processor_seconds(pid) - used, read()
    elapsed = time.monotonic() - begin
    return used / elapsed, (read_now - before) / elapsed


class Page:
    """What a browser's page is to the server."""

    def __init__(self, url):
        self.bytes = 0
        self.answer = urllib.request.urlopen(url.replace("/?", "/events?"))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while piece := self.answer.read1():
            self.bytes += len(piece)


def main(coproc, host, workers="200", seconds="20"):
    names = [f"w{number}" for number in range(int(workers))]
    with subprocess.Popen([host, *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        program.stdout.readline()
        with subprocess.Popen([coproc, "serve", "--pid", str(program.pid)], stdout=subprocess.PIPE) as serve:
            url = serve.stdout.readline().decode().strip()
            share, _ = rates_of(serve.pid, float(seconds))
            print(f"{workers} workers, no page: {100 * share:.2f} % of a processor")
            page = Page(url)
            share, sent = rates_of(serve.pid, float(seconds), lambda: page.bytes)
            print(f"{workers} workers, one page: {100 * share:.2f} % of a processor, {sent / 1e3:.1f} kB/s")
            serve.terminate()
        program.stdin.close()


main(*sys.argv[1:])
