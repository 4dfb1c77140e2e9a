"""CPython's own tests for process executors, as classes that run them with coproc.Executor."""

import concurrent.futures
import unittest

import coproc
import pytest
import stock_names
from stock_exceptions import but_for_exceptions

stock = pytest.importorskip("test.test_concurrent_futures", reason="libpython3.11-testsuite is not installed")

stock.futures = stock_names.with_names(concurrent.futures, ProcessPoolExecutor=stock_names.ProcessPoolExecutor)
stock.assert_python_ok = stock_names.assert_python_ok
# A worker that dies fails the task that it ran, and no other one.
stock.BrokenProcessPool = coproc.WorkerDiedError

#: How futures wait does not depend on how workers are started, and these tests sleep a lot.
ABOUT_FUTURES = (stock.WaitTests, stock.AsCompletedTests)


def cases(method, without=()):
    """Return the stock classes of this start method by their names, but for subclasses of those in `without`."""
    found = {}
    for name, case in list(vars(stock).items()):
        is_wanted = isinstance(case, type) and issubclass(case, unittest.TestCase) and not issubclass(case, without)
        if is_wanted and getattr(case, "ctx", None) == method:
            members = {"executor_type": stock_names.ProcessPoolExecutor, **but_for_exceptions(case, method)}
            found[name] = type(name, (case,), members)
    return found
