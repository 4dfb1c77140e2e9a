"""Pools of a main module that goes on: a notebook's cells define functions and classes when the workers are there, and
define them anew."""

import os
import subprocess
import sys

import pytest

NOTEBOOK = """
import coproc, dataclasses, functools

def first(x): return x + 1
def helper(x): return x
def unchanged(x): return helper(x)
def unchanged_and_alone(x): return -x

def count():
    global counted
    counted = 0

def next_count(x):
    global counted
    counted += 1
    return counted

if __name__ == "__main__":
    pool = coproc.Pool(1, method=METHOD, init=count)
    print(pool.map(first, [1, 2]), pool.map(unchanged, [1]), pool.map(next_count, range(3)))

    def first(x): return x * 1000
    print(pool.map(first, [1, 2]), pool.submit(first, 3).result(), list(pool.imap(first, iter([4]))))
    print(pool.map(functools.partial(first), [5]), pool.map(lambda x: first(x), [6]))

    def helper(x): return "the new helper"
    print(pool.map(unchanged, [1]), pool.submit(unchanged, 1).result())

    def later(x): return x - 1
    @dataclasses.dataclass
    class Later:
        x: int
        def twice(self): return 2 * self.x
    print(pool.map(later, [1]), pool.map(Later, [2]), end=" ")
    print(pool.map(Later.twice, [Later(3)]), pool.map(Later.twice, iter([Later(4)])))

    class Later:
        def __init__(self, x): self.x = x
        def twice(self): return "another one"
    print(pool.map(Later.twice, [Later(5)]), type(pool.submit(Later, 6).result()) is Later)
    # By name: these have the state of their worker.
    print(pool.map(unchanged_and_alone, [1]), pool.map(next_count, range(3)))
    pool.stop()
    print(pool.map(first, [1]), pool.map(unchanged, [1]))
    pool.stop()
"""
SAID = """[2, 3] [1] [1, 2, 3]
[1000, 2000] 3000 [4000]
[5000] [6000]
['the new helper'] the new helper
[0] [Later(x=2)] [6] [8]
['another one'] True
[-1] [4, 5, 6]
[1000] ['the new helper']
"""


@pytest.mark.parametrize("how", ["script", "-c"])
def test_tasks_run_as_they_are_defined_now(how, method, tmp_path):
    if how == "-c" and method != "fork":
        pytest.skip("its init would have no main module to count in")
    program = NOTEBOOK.replace("METHOD", repr(method))
    path = tmp_path / "notebook.py"
    path.write_text(program)
    command = [path] if how == "script" else ["-c", program]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=os.environ)
    assert done.stdout == SAID, done.stderr


HIDDEN = """
import coproc, functools

def helper(x): return "old"
@functools.lru_cache
def kept(x): return "old"
def announced(function):
    @functools.wraps(function)
    def announce(x): return function(x)
    return announce

class Asks:
    def __call__(self, x): return helper(x)
    def ask(self, x): return helper(x)
    @classmethod
    def ask_class(cls, x): return cls().ask(x)
    @property
    def answer(self): return helper(0)
class AsksToo(Asks): pass

def by_cache(x): return kept(x)
@functools.lru_cache
def cached(x): return helper(x)
@announced
def by_wrapper(x): return helper(x)
def by_class(x): return Asks().ask(x)
def by_property(x): return AsksToo().answer
def call(function, x): return function(x)

if __name__ == "__main__":
    pool = coproc.Pool(1, method=METHOD)
    by_object = (Asks(), Asks().ask, Asks.ask_class, AsksToo().ask)
    tasks = (kept, by_cache, cached, by_wrapper, by_class, by_property, *by_object)
    print({pool.submit(task, 1).result() for task in tasks})
    def helper(x): return "new"
    @functools.lru_cache
    def kept(x): return "new"
    tasks = (kept, *tasks[1:])
    print([pool.submit(task, 1).result() for task in tasks])
    print([pool.submit(call, task, 1).result() for task in tasks])
    print(type(pool.submit(Asks).result()) is Asks)
    pool.stop()
"""


def test_what_a_task_reaches_through_others_is_as_it_is_defined_now(method, tmp_path):
    """Through a cache, a wrapper, a class, a property, a base: the old definition ran, without a word."""
    path = tmp_path / "notebook.py"
    path.write_text(HIDDEN.replace("METHOD", repr(method)))
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, env=os.environ)
    news = str(["new"] * 10)
    assert done.stdout.splitlines() == ["{'old'}", news, news, "True"], done.stderr
