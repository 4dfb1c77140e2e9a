"""coproc's pools by the names under which CPython's own tests import those of the standard library.

The programs that these tests run import them from here, too.
"""

import functools
import multiprocessing
import os
import re
import sys

import coproc
from test.support.script_helper import assert_python_ok as _assert_python_ok

_START_METHOD = "COPROC_START_METHOD"  # of Pool, in the programs that the tests run


class ProcessPoolExecutor(coproc.Executor):
    """An Executor with the private names that the tests read."""

    @property
    def _processes(self):
        workers = [worker for worker in self.pool.workers if worker.process_exists()]
        return {worker.proc.pid: worker.proc for worker in workers}


def pool_of(method):
    """Return what makes a pool, as `multiprocessing.Pool` does under this start method."""
    return functools.partial(coproc.MultiprocessingPool, context=multiprocessing.get_context(method))


Pool = pool_of(os.environ.get(_START_METHOD))


def assert_python_ok(option, program, method=""):
    """Run a program that imports the standard library's pools with those of here in their places."""
    program = re.sub(
        r"from (concurrent\.futures|multiprocessing) import (?=\w*Pool)", "from stock_names import ", program
    )
    path = os.pathsep.join([os.path.dirname(os.path.abspath(__file__)), *filter(None, sys.path)])
    return _assert_python_ok(option, program, PYTHONPATH=path, **{_START_METHOD: method} if method else {})


def with_names(module, **others):
    """Return a copy of a module in which some names stand for others."""
    copy = type(module)(module.__name__)
    vars(copy).update(vars(module), **others)
    return copy
