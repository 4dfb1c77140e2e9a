import faulthandler
import gc
import multiprocessing
import os
import shutil
import tempfile
import time

import coproc
import pytest
from machines import has_ended, near_agent


def pytest_configure(config):
    """Temporary files are gone with the tests: pytest's own, and the sockets of multiprocessing's servers."""
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="coproc-")
        config.add_cleanup(lambda: shutil.rmtree(config.option.basetemp, ignore_errors=True))


def shared_files():
    return set(os.listdir("/dev/shm"))


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No test may hang for ever, leave a process behind, or something in the file systems that all share."""
    faulthandler.dump_traceback_later(1500, exit=True)
    before = shared_files()
    yield
    faulthandler.cancel_dump_traceback_later()
    left = multiprocessing.active_children()
    for child in left:
        child.kill()
    assert not left
    # Others put something there for a moment, too: the tests beside this one.
    end = time.monotonic() + 20
    while not shared_files() <= before and time.monotonic() < end:
        time.sleep(0.05)
    assert shared_files() <= before


@pytest.fixture(params=["fork", "spawn", "forkserver"])
def method(request):
    return request.param


@pytest.fixture
def no_agent_is_left():
    """The agents of all workers on machines end with these."""
    yield
    while near_agent() is not None and has_ended(near_agent()):
        time.sleep(0.01)
    assert near_agent() is None


@pytest.fixture
def pool():
    with coproc.Pool(2) as pool:
        yield pool


@pytest.fixture(params=[coproc.PriorityMessenger, coproc.MultiMessenger])
def pair(request):
    return request.param.new_pair()


@pytest.fixture
def stream(pair):
    """A stream that the first one of the pair reads."""
    return pair[0].stream(0)


@pytest.fixture
def request_of(pair, stream):
    """The request that the second one answers by the stream."""
    return pair[1].receive_message_blocking()


@pytest.fixture
def no_collector():
    """What is freed is freed by its last reference."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def descriptors():
    """How many this process has, whenever it is called."""
    return lambda: len(os.listdir("/proc/self/fd"))
