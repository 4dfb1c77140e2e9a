"""What the pools of several tests run."""

import os
import signal
import subprocess
import sys
import textwrap
import time


def square(x):
    return x * x


def add(*numbers, more=0):
    return sum(numbers) + more


def fail_on(bad):
    def check(x):
        if x in bad:
            raise ValueError(f"bad {x}")
        return x

    return check


def die_on(bad):
    def check(x):
        if x == bad:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    return check


class Bomb:
    """What cannot be unpickled."""

    def __reduce__(self):
        return explode, ()


def explode():
    raise LookupError("on arrival")


def bomb_on_two(x):
    return Bomb() if x == 2 else x


def pid_of(_):
    return os.getpid()


def sleep(seconds):
    time.sleep(seconds)
    return seconds


def double(x):
    return 2 * x


def spin(seconds):
    """As `sleep`, but busy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return seconds


class Stop(BaseException):
    """An exception that `except Exception` does not catch."""


def raise_on_two(error):
    def task(x):
        if x == 2:
            raise error
        return x

    return task


def read(results):
    """Return all results, with errors in their places."""
    found = []
    while True:
        try:
            found.append(next(results))
        except StopIteration:
            return found
        except Exception as error:
            found.append(error)


def wait_until(is_reached):
    while not is_reached():
        time.sleep(0.01)


def words_printed_by(program):
    """Return the words that a program of Python prints. It must end by itself, and without complaints."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()
