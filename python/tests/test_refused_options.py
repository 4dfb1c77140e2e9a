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
