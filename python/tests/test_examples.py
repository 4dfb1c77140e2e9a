"""The examples with other packages do what they say. A package that is not installed is skipped."""

import pathlib
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "python"


@pytest.mark.parametrize(
    "package, says",
    [
        ("joblib", "200 scores, the best is 459"),
        ("dask", "the total is 1140, by workers"),
        ("tqdm", "100 results, each at its index; 20 tasks"),
    ],
)
def test_an_example_runs(package, says):
    pytest.importorskip(package)
    done = subprocess.run(
        [sys.executable, "-B", EXAMPLES / f"with_{package}.py"], capture_output=True, text=True, timeout=1000
    )
    assert (done.returncode, done.stdout.strip()) == (0, says), done.stderr
