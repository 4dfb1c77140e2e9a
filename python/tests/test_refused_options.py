"""Options of a wrong type or size: each is refused where it is given, and the error names it."""

import asyncio
import datetime
import decimal
import fractions
import functools

import pytest

import coproc


def serve(messenger):
    pass


def answer(messenger):
    while True:
        messenger.send_reply(messenger.receive_blocking())


class TestNumbersOfWorkers:
    @pytest.mark.parametrize("count", [65_537, 10**9, 10**30])
    def test_that_no_pool_has_are_refused(self, count):
        for name, make in (
            ("n", lambda: coproc.Pool(count)),
            ("n", lambda: coproc.Pool(count, machines=[coproc.Machine(coproc.command(["false"]))])),
            ("n", lambda: coproc.LazyPool(count)),
            ("n", lambda: coproc.WorkerResourcePool.new(count, serve)),
            ("max_workers", lambda: coproc.Executor(count)),
            ("processes", lambda: coproc.MultiprocessingPool(count)),
        ):
            with pytest.raises(ValueError, match=f"^{name}: from [01] to 65536 workers, not {count}$"):
                make()

    @pytest.mark.parametrize("count", ["4", 1.5])
    def test_that_are_not_whole_are_refused(self, count):
        for name, make in (
            ("n", coproc.Pool),
            ("n", coproc.LazyPool),
            ("n", lambda n: coproc.WorkerResourcePool.new(n, serve)),
            ("max_workers", coproc.Executor),
            ("processes", coproc.MultiprocessingPool),
        ):
            with pytest.raises(TypeError, match=f"^{name}: a whole number, not {count!r}$"):
                make(count)


class TestSwitches:
    """A text such as "no" is true, too: a protection must not be switched off by it."""

    WRONG = ("no", "False", 0, 1, None)

    @pytest.mark.parametrize("value", WRONG)
    @pytest.mark.parametrize("name", ["trust_pickle", "capture_stderr"])
    def test_of_workers_and_pools_are_true_or_false(self, name, value):
        sandbox = coproc.Sandbox.compute()
        for make in (
            lambda **options: coproc.WorkerResource(serve, sandbox=sandbox, **options),
            lambda **options: coproc.Supervised(serve, sandbox=sandbox, **options),
            lambda **options: coproc.LegacyWorkerResource(serve, sandbox=sandbox, **options),
            lambda **options: coproc.Pool(1, sandbox=sandbox, **options),
            lambda **options: coproc.Executor(1, sandbox=sandbox, **options),
            lambda **options: coproc.MultiprocessingPool(1, sandbox=sandbox, **options),
        ):
            with pytest.raises(TypeError, match=f"^{name}: True or False, not {value!r}$"):
                make(**{name: value})

    @pytest.mark.parametrize("value", WRONG)
    def test_of_one_class_are_true_or_false(self, value):
        for name, make in (
            ("pin", lambda **options: coproc.Pool(1, **options)),
            ("background", lambda **options: coproc.Pool(1, **options)),
            ("retries_unfenced", lambda **options: coproc.Pool(1, **options)),
            ("capture_stderr", lambda **options: coproc.ProgramResource("/bin/true", **options)),
            ("automatic_loans", coproc.LinkOptions),
            ("automatic_loans", lambda automatic_loans: setattr(coproc.LinkOptions(), "automatic_loans", value)),
        ):
            with pytest.raises(TypeError, match=f"^{name}: True or False, not {value!r}$"):
                make(**{name: value})

    def test_of_maps_are_true_or_false(self):
        with coproc.Pool(1) as pool:
            for call in (pool.map, pool.starmap, pool.imap, pool.map_unordered, coproc.LazyPool(1).map):
                with pytest.raises(TypeError, match="^stop_on_error: True or False, not 'no'$"):
                    call(abs, [], stop_on_error="no")


class TestLimits:
    WORDS = {
        "memory": "a whole number of bytes, from 0 on",
        "cpu_time": "a whole number of seconds, from 1 on",
        "open_files": "a whole number from 0 on",
        "processes": "a whole number from 0 on",
        "file_size": "a whole number of bytes, from 0 on",
        "priority": "a nice value from 0 to 19",
    }

    @pytest.mark.parametrize("name, words", WORDS.items())
    def test_that_are_refused_are_named_with_what_they_take(self, name, words):
        for value, kind in (
            (-1, ValueError),
            (2**64, ValueError),
            (0.5, TypeError),
            ("1", TypeError),
            (True, TypeError),
        ):
            with pytest.raises(kind, match=f"^{name}: {words}, or None, not {value!r}$"):
                coproc.Limits(**{name: value})

    def test_of_the_least_and_the_greatest_values_are_taken(self):
        limits = coproc.Limits(
            memory=2**64 - 1, cpu_time=2**63 - 1, open_files=0, processes=0, file_size=2**64 - 1, priority=19
        )
        assert (limits.memory, limits.cpu_time, limits.priority) == (2**64 - 1, 2**63 - 1, 19)
        with pytest.raises(ValueError, match="cpu_time"):
            coproc.Limits(cpu_time=0)
        with pytest.raises(ValueError, match="cpu_time"):
            coproc.Limits(cpu_time=2**63)

    @pytest.mark.parametrize("name", ["ring_bytes", "max_message_bytes", "max_queued_bytes", "loan_bytes"])
    def test_of_links_are_named_with_what_they_take(self, name):
        for value, kind in (
            (-1, ValueError),
            (2**64, ValueError),
            (0.5, TypeError),
            ("1", TypeError),
            (None, TypeError),
        ):
            for take in (coproc.LinkOptions, lambda **given: setattr(coproc.LinkOptions(), *next(iter(given.items())))):
                with pytest.raises(kind, match=f"^{name}: a whole number of bytes, from 0 on, not {value!r}$"):
                    take(**{name: value})

    def test_of_kept_events_are_named(self):
        for make in (coproc.WorkerResource, coproc.ProgramResource):
            for value, kind in ((-1, ValueError), (0.5, TypeError)):
                with pytest.raises(kind, match=f"^events: a whole number from 0 on, not {value!r}$"):
                    make("/bin/true" if make is coproc.ProgramResource else serve, events=value)


class TestOptionsOfTasks:
    NO_TIME = ("x", b"1", [1], 1j, datetime.timedelta(seconds=1))

    @pytest.mark.parametrize("value", NO_TIME, ids=repr)
    def test_a_time_limit_of_another_type_is_named(self, value):
        calls = (
            lambda **options: coproc.Executor(1, **options),
            lambda **options: coproc.MultiprocessingPool(1, **options),
            lambda **options: coproc.LazyPool(1).map(abs, [1], **options),
            lambda **options: coproc.LazyPool(1).map_unordered(abs, [1], **options),
        )
        with coproc.Pool(1) as pool:
            maps = (pool.map, pool.starmap, pool.imap, pool.map_unordered)
            calls += (
                lambda **options: pool.submit_with(options, abs, -1),
                *(functools.partial(call, abs, [1]) for call in maps),
            )
            for call in calls:
                with pytest.raises(TypeError, match="^time_limit: a positive number of seconds, .* not ") as caught:
                    call(time_limit=value)
                assert str(caught.value).endswith(repr(value))

    @pytest.mark.parametrize(
        "value", [0, -1, float("nan"), float("inf"), 10**400], ids=["0", "-1", "nan", "inf", "huge"]
    )
    def test_a_time_limit_out_of_range_is_named(self, value):
        with coproc.Pool(1) as pool:
            for call in (
                lambda: coproc.Executor(1, time_limit=value),
                lambda: pool.submit_with({"time_limit": value}, abs, -1),
                lambda: pool.map(abs, [1], time_limit=value),
            ):
                with pytest.raises(ValueError, match="^time_limit: a positive number of seconds"):
                    call()

    def test_every_number_that_has_been_a_time_limit_is_one(self):
        with coproc.Pool(1) as pool:
            for value in (60, 60.5, decimal.Decimal(60), fractions.Fraction(121, 2), None):
                assert pool.submit_with({"time_limit": value}, abs, -1).result() == 1

    def test_other_options_of_another_type_are_named(self):
        with coproc.Pool(1) as pool, coproc.Executor(1) as executor:
            for name, call in (
                ("max_retries", lambda: pool.submit_with({"max_retries": "x"}, abs, -1)),
                ("max_retries", lambda: pool.map(abs, [1], max_retries=0.5)),
                ("max_retries", lambda: coproc.Executor(1, max_retries="x")),
                ("chunksize", lambda: pool.imap(abs, [1], "x")),
                ("chunksize", lambda: executor.map(abs, [1], chunksize="x")),
                ("timeout", lambda: executor.map(abs, [1], timeout="x")),
                ("timeout", lambda: pool.submit(abs, -1).result("x")),
                ("timeout", lambda: next(coproc.as_completed([pool.submit(abs, -1)], "x"))),
                ("timeout", lambda: pool.wait("x")),
            ):
                with pytest.raises(TypeError, match=f"^{name}: .* not ('x'|0.5)$"):
                    call()


class TestTimeouts:
    def test_of_a_worker_are_named_and_nothing_happens(self):
        with coproc.WorkerResource(answer) as worker:
            for wrong, kind in (("x", TypeError), (float("nan"), ValueError)):
                for call in (
                    worker.finish,
                    worker.messenger.receive_blocking,
                    lambda timeout: worker.join(timeout=timeout),
                    lambda timeout: asyncio.run(worker.messenger.receive_async(timeout=timeout)),
                ):
                    with pytest.raises(kind, match=f"^timeout: a number of seconds, or None for ever, not {wrong!r}$"):
                        call(timeout=wrong)
            assert worker.messenger.receive_reply(worker.messenger.send_request(1)) == 1


class TestTimes:
    """What is no time is refused with the name of the option."""

    NUMBERS = (
        {"within": None},
        *({"backoff": {name: None}} for name in ("first", "then", "factor", "most", "spread", "reset_after")),
        *({"recycle": {name: None}} for name in ("age", "spread", "grace")),
        *({"health": {name: None}} for name in ("unread", "reply", "beat")),
    )
    WRONG = (
        (float("nan"), ValueError, "not nan"),
        ("x", TypeError, "not 'x'"),
        (1j, TypeError, "not 1j"),
        (10**400, ValueError, "not one of so many digits"),
    )

    @pytest.mark.parametrize("value, kind, end", WRONG, ids=["nan", "text", "complex", "huge"])
    @pytest.mark.parametrize("where", NUMBERS, ids=repr)
    def test_of_supervision_and_pools(self, where, value, kind, end):
        ((name, inner),) = where.items()
        options = {name: value} if inner is None else {name: dict.fromkeys(inner, value)}
        path = ".".join([name, *(inner or ())])
        with pytest.raises(kind, match=rf"^RestartOptions\.{path}: a number.*, {end}$"):
            coproc.Supervised(serve, restart=options)
        of_pool = {name: options[name]} if name in ("health", "recycle") else {"restart": options}
        with pytest.raises(
            kind, match=rf"^[A-Za-z]+\.{path.removeprefix('health.').removeprefix('recycle.')}: a number"
        ):
            coproc.Pool(1, **of_pool)

    @pytest.mark.parametrize("value, kind, end", WRONG, ids=["nan", "text", "complex", "huge"])
    def test_of_other_options(self, value, kind, end):
        there = coproc.command(["env"])
        for name, make in (
            ("close", coproc.StopOptions),
            ("terminate", coproc.StopOptions),
            ("kill", coproc.StopOptions),
            ("close", lambda close: setattr(coproc.StopOptions(), "close", close)),
            ("spin", coproc.LinkOptions),
            ("spin", lambda spin: setattr(coproc.LinkOptions(), "spin", spin)),
            ("silence", lambda silence: coproc.Machine(there, silence=silence)),
            ("fence_time", lambda fence_time: coproc.Launcher(["env"], fence_time=fence_time)),
            (
                "start_timeout",
                lambda start_timeout: coproc.WorkerResource(
                    serve, machine=coproc.Machine(there), start_timeout=start_timeout
                ),
            ),
        ):
            with pytest.raises(kind, match=f"^{name}: a number of seconds, or None for ever, {end}$"):
                make(**{name: value})
