"""Refuses to be imported in a subinterpreter, where the core would wait for ever for the lock of the main one."""

import importlib

for _name in ("_interpreters", "_xxsubinterpreters"):  # of Python 3.13, and of those before it
    try:
        _interpreters = importlib.import_module(_name)
    except ImportError:
        continue
    _current, _main = _interpreters.get_current(), _interpreters.get_main()
    # An id, or from Python 3.13 on a tuple that begins with one.
    if (_current[0] if isinstance(_current, tuple) else _current) != (_main[0] if isinstance(_main, tuple) else _main):
        raise ImportError("coproc cannot be used in a subinterpreter: use it in the main one")
    break
