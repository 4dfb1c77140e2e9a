"""CPython's own tests for pools of processes, run with coproc.MultiprocessingPool (Debian: libpython3.11-testsuite)."""

import functools
import multiprocessing
import unittest

import pytest
import stock_names
from stock_exceptions import but_for_exceptions

stock = pytest.importorskip("test._test_multiprocessing", reason="libpython3.11-testsuite is not installed")

METHODS = ("fork", "forkserver")


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Do nothing: a class keeps its pool for all its tests."""


class _UnderMethod:
    """While the tests of a class run, `multiprocessing.Pool` of the stock module is ours, under its start method."""

    @classmethod
    def setUpClass(cls):
        cls.pools = stock_names.pool_of(cls.method)
        stock.multiprocessing = stock_names.with_names(multiprocessing, Pool=cls.pools)
        stock.test.support.script_helper.assert_python_ok = functools.partial(
            stock_names.assert_python_ok, method=cls.method
        )
        super().setUpClass()

    @classmethod
    def Pool(cls, *args, **options):
        return cls.pools(*args, **options)


def cases():
    for method in METHODS:
        for base in (stock._TestPool, stock._TestPoolWorkerErrors, stock._TestPoolWorkerLifetime):
            members = {"method": method, **but_for_exceptions(base, method)}
            name = f"{method.capitalize()}{base.__name__.removeprefix('_')}"
            yield type(name, (_UnderMethod, base, stock.ProcessesMixin, unittest.TestCase), members)
        name = f"{method.capitalize()}TestInitializers"
        members = {"method": method, "test_manager_initializer": None}
        yield type(name, (_UnderMethod, stock.TestInitializers), members)


globals().update({case.__name__: case for case in cases()})
