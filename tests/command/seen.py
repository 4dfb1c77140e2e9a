"""A host that is looked at from outside, and the looks at it."""

import contextlib
import json
import os
import subprocess

COPROC = os.environ["COPROC_COMMAND"]
HOST = os.environ["COPROC_SEEN_HOST"]
OTHER_USER = ["setpriv", "--reuid=61234", "--regid=61234", "--clear-groups"]


class Host:
    """The program seen_host, with the pids of its workers by their names."""

    def __init__(self, launcher=()):
        self.process = subprocess.Popen(
            [*launcher, HOST, COPROC], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.process.pid
        self.pids = {}
        while (line := self.process.stdout.readline()) != "ready\n":
            assert line, "seen_host has ended"
            name, pid = line.split()
            self.pids[name] = int(pid)

    def tell(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@contextlib.contextmanager
def running_host(launcher=()):
    host = Host(launcher)
    try:
        yield host
    finally:
        host.process.stdin.close()
        host.process.stdout.close()
        assert host.process.wait() == 0


def run(*words, launcher=(), **options):
    return subprocess.run([*launcher, COPROC, *map(str, words)], capture_output=True, text=True, **options)


class Map:
    """What `coproc map --json` prints."""

    def __init__(self, *pids, launcher=()):
        result = run("map", "--json", *pids, launcher=launcher)
        self.returncode, self.stderr = result.returncode, result.stderr
        self.whole = json.loads(result.stdout)
        self.processes = {one["pid"]: one for one in self.whole["processes"]}
        self.links = self.whole["links"]

    def link_of(self, worker):
        (link,) = (one for one in self.links if one["worker"] == worker)
        return link


def until(look, is_right):
    """Looks until it is right: a state is waited for, and not slept for."""
    while True:
        seen = look()
        if is_right(seen):
            return seen
