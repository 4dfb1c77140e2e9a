"""For tests of workers in a box: a worker that tries what it is asked to, tasks of pools, and hostile pickles.

A worker imports the module of its target, so this one imports no test.
"""

import contextlib
import ctypes
import errno
import os
import resource
import socket
import subprocess
import threading

import coproc
import numpy as np
from coproc import Sandbox

NAMES = {number: name for number, name in errno.errorcode.items()}


class Odd(Exception):
    """An exception whose pickle would be an instance of this class."""


def connect(port):
    # socket.create_connection would import an encoding.
    with socket.socket() as client:
        client.connect(("127.0.0.1", port))


def attempt(what, about):
    """Try to reach out of the process; return "works" or the name of the error."""
    attempts = {
        "open": lambda: open(about).close(),
        "create": lambda: open(about, "w").close(),
        "signal": lambda: os.kill(about, 0),
        "limits": lambda: resource.prlimit(about, resource.RLIMIT_CPU),
        "fork": lambda: os.fork() or os._exit(0),
        "run": lambda: subprocess.run(["/bin/true"], check=True),
        "connect": lambda: connect(about),
        "import": lambda: __import__(about),
        "memory": lambda: bytearray(about),
    }
    try:
        attempts[what]()
        return "works"
    except OSError as error:
        return NAMES.get(error.errno, str(error))
    except (ImportError, MemoryError) as error:
        return type(error).__name__


def inodes():
    found = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of the list itself
            found.append(os.fstat(int(fd)).st_ino)
    return found


def serve(messenger, other=None):
    """Answer the questions of the tests."""
    while True:
        what, *about = messenger.receive_blocking()
        if what == "raise":
            raise Odd("inside")
        if what == "echo":
            messenger.send_reply(about[0])
        elif what == "sum":
            messenger.send_reply(float(about[0].sum()))
        elif what == "object":
            messenger.send_reply(Odd("inside"))
        elif what == "trace":
            ctypes.CDLL(None).ptrace(0, 0, 0, 0)
        elif what == "threads":
            found = []
            thread = threading.Thread(target=found.append, args=(1,))
            thread.start()
            thread.join()
            messenger.send_reply(found)
        elif what == "other":
            other.send_norequest("through the pair")
            messenger.send_reply("sent")
        elif what == "spin":
            while True:
                pass
        elif what == "confine":
            messenger.send_reply(coproc.this_worker.confine(Sandbox.compute()).filters_calls)
        elif what == "descriptors":
            messenger.send_reply(inodes())
        else:
            messenger.send_reply(attempt(what, *about))


def boxed(sandbox, **options):
    return coproc.WorkerResource(serve, name="boxed", sandbox=sandbox, **options)


def ask(worker, *question):
    return worker.messenger.call(list(question), timeout=60)


# ---- payloads whose unpickling runs code ----


CALLED = []


def call_code(number):
    CALLED.append(number)


class Payload(Exception):
    """Its unpickling runs code in the process that does it."""

    def __reduce__(self):
        return call_code, (1,)


# ---- tasks of pools ----


def ready():
    """As `init` of a pool, have this module imported before the box is closed: it is not the main module."""


def half(number):
    return number / 2


def details(number):
    return {"number": number, "array": np.full(3, number), "large": b"x" * 300_000, "pid": os.getpid()}


def open_passwd(_):
    return attempt("open", "/etc/passwd")


def fail(number):
    raise Odd(number)


def make_payload(_):
    return Payload()


def raise_payload(_):
    raise Payload()


def end_by_tracing(_):
    ctypes.CDLL(None).ptrace(0, 0, 0, 0)


def fail_at_once():
    raise Odd("init")
