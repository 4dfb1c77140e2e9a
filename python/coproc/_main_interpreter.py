"""Raises ImportError in a subinterpreter, where the core would wait for ever for the lock of the main one."""

import importlib

for _name in ("_interpreters", "_xxsubinterpreters"):  # from Python 3.13 on, and before
    try:
        _interpreters = importlib.import_module(_name)
    except ImportError:
        continue
    _current, _main = _interpreters.get_current(), _interpreters.get_main()
    # Each is an id, or from Python 3.13 on a tuple that begins with one.
    if (_current[0] if isinstance(_current, tuple) else _current) != (_main[0] if isinstance(_main, tuple) else _main):
        raise ImportError("coproc cannot be used in a subinterpreter: use it in the main one")
    break
