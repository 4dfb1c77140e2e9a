"""What the tests of supervised workers share."""

import os
import signal
import time

import coproc

#: Restarts without delays, as many as a test needs.
AT_ONCE = {"most": 1000, "backoff": {"then": 0}}
#: Restarts that are far away.
MUCH_LATER = {"backoff": {"first": 1000, "most": 1000}, "within": 100_000}


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def tenfold(messenger, base=0):
    """Answers numbers, says its pid, exits with a code, or dies."""
    while True:
        request = messenger.receive_message_blocking()
        value = request.payload
        if value == "die":
            die()
        elif value == "return":
            return
        elif value == "raise":
            raise ValueError("raised by the worker")
        elif isinstance(value, tuple):
            os._exit(value[1])
        elif request.request_id is not None:
            messenger.reply_to(request, os.getpid() if value == "pid" else base + 10 * value)


def echo_arguments(messenger, **kwargs):
    """Answers its start arguments."""
    while True:
        if messenger.receive_blocking() == "die":
            die()
        messenger.send_reply(kwargs)


def wait_for_end(worker):
    while worker.is_alive():
        time.sleep(0.001)


def kill(worker):
    """End the worker, so that the next call that drives finds it dead."""
    worker.kill()
    wait_for_end(worker)


def restart(worker):
    """End the worker, and start the next one by a call that raises."""
    kill(worker)
    try:
        worker.messenger.receive_blocking(timeout=60)
    except coproc.WorkerDiedError as error:
        return error.with_traceback(None)  # which would keep the worker
    raise AssertionError("a message from nobody")


def is_running(pid):
    """Return whether there is such a process that has not ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
