"""The Python module in whatever environment it is run in: a worker by each start method, and a pool, as
in_any_environment.cpp.

    in_any_environment.py [WAY=refused:WORDS]...
"""

import faulthandler
import signal
import sys

import coproc


def echo(host, greeting):
    while True:
        host.send_reply(greeting + host.receive_blocking())


def square(value):
    if value < 0:
        raise ValueError(value)
    return value * value


def use_method(method, **options):
    worker = coproc.WorkerResource(echo, method=method, **options)
    worker.start(greeting="so: ")
    try:
        for length in 5, 300_000, 3_000_000:
            worker.messenger.send_request("a" * length)
            assert worker.messenger.receive_blocking() == "so: " + "a" * length
    finally:
        worker.stop()
    assert worker.exit_status.success


def use_pool():
    with coproc.Pool(2) as pool:
        assert list(pool.map(square, range(200))) == [value * value for value in range(200)]
        try:
            pool.submit(square, -3).result()
        except ValueError as error:
            assert error.args == (-3,)
        else:
            raise AssertionError("no error came")


def main(arguments):
    faulthandler.register(signal.SIGALRM, chain=True)  # the watchdog
    signal.alarm(150)
    refusals = dict(argument.split("=refused:") for argument in arguments)
    ways = {method: lambda method=method: use_method(method) for method in ("forkserver", "spawn", "fork")}
    ways["boxed"] = lambda: use_method("forkserver", sandbox=coproc.Sandbox.compute())
    ways["pool"] = use_pool
    wrong = 0
    for name, use in ways.items():
        try:
            use()
            outcome, is_right = "works", name not in refusals
        except (coproc.Error, OSError) as error:
            outcome = repr(error)
            is_right = refusals.get(name, outcome + "?") in outcome
        except Exception as error:  # whatever it is, the other ways are tried
            outcome, is_right = repr(error), False
        print(f"{name}: {outcome}")
        wrong += not is_right
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
