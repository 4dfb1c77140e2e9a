"""What of this program's main module another process finds there by its name.

A pickle names functions and classes. In a fork the main module is what it was when that was made; a new program imports it again, or has none: that
of a notebook, of `python -c`, of a program that is read from stdin. What is not there, or is another one by now, has to travel by value.
"""

import ast
import contextlib
import functools
import itertools
import multiprocessing.spawn
import os
import sys
import tokenize
import types
import weakref

MAIN = "__main__"
_numbers = itertools.count(1)


def is_of_main(value):
    """Whether a pickle would name it, and in the main module."""
    return isinstance(value, (type, types.FunctionType)) and getattr(value, "__module__", None) == MAIN


class MainNames:
    """The functions and classes that one other process has in its main module, as they are here."""

    def __init__(self, names=None):
        """`names`: only these; None: all that there are now."""
        self.number = next(_numbers)
        self._found = {name: weakref.ref(value) for name, value in _main().items() if is_of_main(value) and (names is None or name in names)}

    @classmethod
    def of_process(cls, method):
        """Of one that is started now, by this method of multiprocessing."""
        return cls(None if method == "fork" else _names_of_new_program())

    def has(self, value):
        """Whether this class or function of the main module is found there, and is this one; and all that a function names of the main module, too."""
        if not isinstance(value, types.FunctionType):
            return self._has_this(value)
        seen, left = {value}, [value]
        while left:
            function = left.pop()
            if not self._has_this(function):
                return False
            for used in _used_by(function):
                if not isinstance(used, types.FunctionType):
                    if not self._has_this(used):
                        return False
                elif used not in seen:
                    seen.add(used)
                    left.append(used)
        return True

    def _has_this(self, value):
        name, _, inner = getattr(value, "__qualname__", "").partition(".")
        found = self._found.get(name)
        here = _main().get(name)
        return found is not None and here is not None and found() is here and (bool(inner) or here is value)

    def is_complete(self):
        """Whether that holds for all that the main module has here."""
        return all(self._has_this(value) for name, value in tuple(_main().items()) if is_of_main(value) and value.__qualname__ == name)


def _used_by(function):
    """The functions and classes of the main module that it names."""
    if function.__globals__ is not _main():
        return []
    found = (function.__globals__.get(name) for name in _names_in(function.__code__))
    return [value for value in found if is_of_main(value)]


@functools.lru_cache(1024)
def _names_in(code):
    inner = [_names_in(each) for each in code.co_consts if isinstance(each, types.CodeType)]
    return frozenset(code.co_names).union(*inner)


def _main():
    return vars(sys.modules[MAIN])


def path_in_new_program():
    """The file that `spawn` and `forkserver` import as the main module; None: they import nothing."""
    found = multiprocessing.spawn.get_preparation_data("")
    if "init_main_from_name" in found:
        name = found["init_main_from_name"]
        return None if name == MAIN or name.endswith("." + MAIN) else getattr(sys.modules[MAIN], "__file__", None)
    path = found.get("init_main_from_path")
    if path is None or os.path.splitext(os.path.basename(path))[0] == "ipython" or not os.path.exists(path):
        return None
    return path


@contextlib.contextmanager
def main_file_hidden(method):
    """A main module whose file is none ("<stdin>") or is gone is not looked for by a process that is started here."""
    main = _main()
    file = main.get("__file__")
    if method == "fork" or file is None or path_in_new_program() is not None or "init_main_from_path" not in multiprocessing.spawn.get_preparation_data(""):
        yield
        return
    main["__file__"] = None
    try:
        yield
    finally:
        main["__file__"] = file


def _names_of_new_program():
    path = path_in_new_program()
    if path is None:
        return frozenset()
    try:
        return _names_of_file(path, os.stat(path).st_mtime_ns)
    except (OSError, SyntaxError, ValueError):
        return None  # it cannot be read here: as if all were there


@functools.lru_cache(8)
def _names_of_file(path, _):
    with tokenize.open(path) as file:
        body = ast.parse(file.read()).body
    imported, guarded = set(), set()
    _collect(body, imported, guarded)
    return frozenset(imported - guarded)


def _collect(body, imported, guarded):
    """The names that a module's code gives a meaning when it is imported, and those behind `if __name__ == "__main__"`."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            imported.add(node.name)
        elif isinstance(node, ast.If) and (operator := _asks_for_main(node.test)):
            for part, is_of_main_alone in ((node.body, operator is ast.Eq), (node.orelse, operator is not ast.Eq)):
                _collect(part, guarded if is_of_main_alone else imported, guarded)
        else:
            imported.update(name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store))
            for field in ("body", "orelse", "finalbody"):
                _collect(getattr(node, field, ()), imported, guarded)
            for handler in getattr(node, "handlers", ()):
                _collect(handler.body, imported, guarded)


def _asks_for_main(test):
    """The operator by which a condition compares `__name__` with "__main__"; None: it does not."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            sides = (node.left, node.comparators[0])
            if any(isinstance(s, ast.Name) and s.id == "__name__" for s in sides) and any(isinstance(s, ast.Constant) and s.value == MAIN for s in sides):
                return type(node.ops[0])
    return None
