"""Finds out which names of this program's main module exist in another process.

A pickle names functions and classes. The main module of a fork is as it was at the time of the fork. A new program
imports the main module again, or has none, if it is that of a notebook, of `python -c`, or of a program that is read
from stdin. Functions and classes that the other process does not have, or has in another version, must travel by value.
"""

import ast
import contextlib
import functools
import itertools
import multiprocessing.spawn
import os
import sys
import threading
import tokenize
import types
import weakref

from .errors import StartError

MAIN = "__main__"
_numbers = itertools.count(1)


#: The type of the functions that functools.lru_cache makes.
Cached = type(functools.lru_cache(len))


def is_of_main(value):
    """Return whether a pickle would refer to this value by a name in the main module."""
    return isinstance(value, (type, types.FunctionType, Cached)) and getattr(value, "__module__", None) == MAIN


class MainNames:
    """The functions and classes that one other process has in its main module, as they are here."""

    def __init__(self, names=None):
        """Take these names only; with None all that there are now."""
        self.number = next(_numbers)
        self._found = {
            name: weakref.ref(value)
            for name, value in _main().items()
            if is_of_main(value) and (names is None or name in names)
        }

    @classmethod
    def of_process(cls, method):
        """Return the names of a process that is started now by this method of multiprocessing."""
        return cls(None if method == "fork" else _names_of_new_program())

    def has(self, value):
        """Return whether the other process has this class or function, and all of the main module that it uses."""
        if not self._has_this(value):
            return False
        seen, left = {id(value)}, [value]
        while left:
            each = left.pop()
            named = _named_by(each)
            if not all(self._has_this(used) for used in named):
                return False
            for other in (*named, *_parts_of(each)):
                if id(other) not in seen:
                    seen.add(id(other))
                    left.append(other)
        return True

    def _has_this(self, value):
        name, _, inner = getattr(value, "__qualname__", "").partition(".")
        found = self._found.get(name)
        here = _main().get(name)
        if found is None or here is None or found() is not here:
            return False
        for part in filter(None, inner.split(".")):
            here = getattr(here, part, None)
        return here is value

    def is_complete(self):
        """Return whether the other process has all functions and classes that the main module has here."""
        return all(
            self._has_this(value)
            for name, value in tuple(_main().items())
            if is_of_main(value) and value.__qualname__ == name
        )


def _named_by(function):
    """Return the functions and classes of the main module that the code of a function names."""
    if not isinstance(function, types.FunctionType) or function.__globals__ is not _main():
        return []
    found = (function.__globals__.get(name) for name in _names_in(function.__code__))
    return [value for value in found if is_of_main(value)]


def _contents(cells):
    for cell in cells:
        with contextlib.suppress(ValueError):  # the cell is empty
            yield cell.cell_contents


def _parts_of(value):
    """Return the functions and classes inside of one: its methods, its bases, and the function that it wraps."""
    if isinstance(value, types.FunctionType):
        return [
            *_contents(value.__closure__ or ()),
            *(value.__defaults__ or ()),
            *(value.__kwdefaults__ or {}).values(),
        ]
    if isinstance(value, type):
        return [*vars(value).values(), *value.__bases__] if value.__module__ == MAIN else []
    if isinstance(value, (staticmethod, classmethod, types.MethodType)):
        return [value.__func__]
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if isinstance(value, (functools.partial, functools.partialmethod, functools.cached_property)):
        return [value.func]
    return [value.__wrapped__] if isinstance(value, Cached) else []


@functools.lru_cache(1024)
def _names_in(code):
    inner = [_names_in(each) for each in code.co_consts if isinstance(each, types.CodeType)]
    return frozenset(code.co_names).union(*inner)


def _main():
    return vars(sys.modules[MAIN])


# ---- importing it in a new program ----


class _Starting(threading.local):
    """What this thread is doing.

    `is_worker`: it starts a process that will import the main module by `import_main`, when it can report a failure to
    its host.
    """

    is_worker = False
    is_importing = False  # in a worker: it imports the main module


_starting = _Starting()
_preparation_data = multiprocessing.spawn.get_preparation_data


@functools.wraps(_preparation_data)
def _preparation_data_of(name):
    data = _preparation_data(name)
    if _starting.is_worker:
        for how in _IMPORTS:
            data.pop(how, None)
    return data


multiprocessing.spawn.get_preparation_data = _preparation_data_of
_IMPORTS = {
    "init_main_from_name": multiprocessing.spawn._fixup_main_from_name,
    "init_main_from_path": multiprocessing.spawn._fixup_main_from_path,
}


@contextlib.contextmanager
def main_left_to_worker():
    """Keep processes that this thread starts from importing the main module by themselves."""
    _starting.is_worker = True
    try:
        yield
    finally:
        _starting.is_worker = False


def main_of_new_program():
    """Return the argument of `import_main` for a process that is started by `spawn` or `forkserver`.

    None stands for no main module that could be imported.
    """
    found = _preparation_data("")
    if name := found.get("init_main_from_name"):
        return None if name == MAIN or name.endswith("." + MAIN) else ("init_main_from_name", name)
    path = found.get("init_main_from_path")
    if path is None or os.path.splitext(os.path.basename(path))[0] == "ipython" or not os.path.exists(path):
        return None
    return "init_main_from_path", path


class Unguarded(BaseException):
    """The main module starts workers while a worker imports it. It is not an `Exception`, so that the import fails."""


_unguarded = []  # the texts of all of them, also of those that were caught


def refuse_unguarded(text):
    """Raise Unguarded if a worker imports its main module. Return if multiprocessing does."""
    if _starting.is_importing:
        _unguarded.append(text)
        raise Unguarded(text)


@contextlib.contextmanager
def inheriting():
    """Mark this process as one that unpickles its start arguments and must not start processes itself."""
    process = multiprocessing.current_process()
    process._inheriting = True
    try:
        yield
    finally:
        del process._inheriting


def import_main(main):
    """Import the main module in a new program. The host is sent the exception that this raises."""
    if main is None:
        return
    how, which = main
    _starting.is_importing = True
    try:
        _IMPORTS[how](which)
    except Exception as error:
        error.add_note(f"The worker imported the main module, {which}.")
        raise
    except Unguarded:
        pass
    finally:
        _starting.is_importing = False
    if _unguarded:
        raise StartError(_unguarded[0], "main module")


def _names_of_new_program():
    main = main_of_new_program()
    path = (
        None
        if main is None
        else getattr(sys.modules[MAIN], "__file__", None)
        if main[0] == "init_main_from_name"
        else main[1]
    )
    if path is None:
        return frozenset()
    try:
        return _names_of_file(path, os.stat(path).st_mtime_ns)
    except (OSError, SyntaxError, ValueError):
        return None  # the file cannot be read here: assume that all names are there


@functools.lru_cache(8)
def _names_of_file(path, _):
    with tokenize.open(path) as file:
        body = ast.parse(file.read()).body
    imported, guarded = set(), set()
    _collect(body, imported, guarded)
    return frozenset(imported - guarded)


def _collect(body, imported, guarded):
    """Collect the names that an import of a module defines, and those behind `if __name__ == "__main__"`."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            imported.add(node.name)
        elif isinstance(node, ast.If) and (operator := _asks_for_main(node.test)):
            for part, is_of_main_alone in ((node.body, operator is ast.Eq), (node.orelse, operator is not ast.Eq)):
                _collect(part, guarded if is_of_main_alone else imported, guarded)
        else:
            imported.update(
                name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
            )
            for field in ("body", "orelse", "finalbody"):
                _collect(getattr(node, field, ()), imported, guarded)
            for handler in getattr(node, "handlers", ()):
                _collect(handler.body, imported, guarded)


def _asks_for_main(test):
    """Return the operator by which a condition compares `__name__` with "__main__", or None."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            sides = (node.left, node.comparators[0])
            if any(isinstance(s, ast.Name) and s.id == "__name__" for s in sides) and any(
                isinstance(s, ast.Constant) and s.value == MAIN for s in sides
            ):
                return type(node.ops[0])
    return None
