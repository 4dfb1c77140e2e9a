"""As test_cpython_executor.py, with workers that are started by 'forkserver'."""

import pytest
from stock_executor import ABOUT_FUTURES, cases


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Do nothing: the stock classes look themselves."""


globals().update(cases("forkserver", without=ABOUT_FUTURES))
