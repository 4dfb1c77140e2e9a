"""Programs with little address space, and those that block all signals."""

import subprocess
import sys

PROGRAM = """
import resource, signal, sys
{first}
import numpy as np
import coproc

def echo(messenger):
    while True:
        messenger.send_reply(messenger.receive_blocking())

if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        with coproc.Pool(4, method=method) as pool:
            assert pool.map(len, ["x" * n for n in range(100)]) == list(range(100))
            assert [array.sum() for array in pool.map(np.ones, [100_000] * 20)] == [100_000] * 20
        with coproc.WorkerResource(echo, method=method) as worker:
            worker.messenger.send_request(np.ones(300_000))
            assert worker.messenger.receive_blocking().sum() == 300_000
            assert worker.stop().stopped_by == "close_request"
            worker.start()
            worker.terminate()
            assert worker.join(timeout=60).signal == signal.SIGTERM
    print("done")
"""


def check(first):
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(first=first)], capture_output=True, text=True)
    assert done.stdout == "done\n", done.stdout + done.stderr


def test_with_little_address_space():
    check("resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))")


def test_with_all_signals_blocked():
    check("signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())")
