"""Options of a wrong type or size: each is refused where it is given, and the error names it."""

import pytest

import coproc


def serve(messenger):
    pass


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
