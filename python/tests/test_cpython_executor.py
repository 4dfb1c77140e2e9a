"""CPython's own tests for process executors, run with coproc.Executor (Debian: libpython3.11-testsuite)."""

import pytest
from stock_exceptions import unknown_exceptions
from stock_executor import cases, stock


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Do nothing: the stock classes look themselves."""


globals().update(cases("fork"))


def test_the_list_of_exceptions_has_no_others():
    prefixes = tuple(name for name in vars(stock) if not name.startswith("_"))
    assert unknown_exceptions(stock, prefixes) == []
