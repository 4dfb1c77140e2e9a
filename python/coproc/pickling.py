"""How values become bytes, where C's pickler alone does not do.

Values are pickled with protocol 5. What it cannot pickle (closures, lambdas, classes of a notebook) is given to cloudpickle, where
that is installed; memoryviews become bytes with a shape.
"""

import copyreg
import functools
import io
import pickle
import sys
from multiprocessing import context
from multiprocessing.reduction import ForkingPickler

from .main_module import Cached, is_of_main

try:
    from cloudpickle import CloudPickler as _Pickler

    _TABLE = _Pickler.dispatch_table
    PICKLES_BY_VALUE = True
except ImportError:  # closures cannot be sent, then
    from pickle import Pickler as _Pickler

    _TABLE = copyreg.dispatch_table
    PICKLES_BY_VALUE = False

#: What a pickler raises for objects that another one may be able to pickle.
UNPICKLABLE = (pickle.PicklingError, TypeError, AttributeError)


_EMPTY = memoryview(b"")


def describe_view(view):
    """The pickle of what `view_of` needs beside a view's bytes. Refuses what that could not make again."""
    try:
        _EMPTY.cast(view.format)
    except ValueError:
        raise pickle.PicklingError(
            f"a memoryview of the format {view.format!r} cannot be sent: send view.cast('B'), or an array"
        ) from None
    if view.nbytes == 0 and view.ndim != 1:
        raise pickle.PicklingError(
            f"an empty memoryview of the shape {view.shape} cannot be sent: Python makes no such views, send an array"
        )
    return pickle.dumps((view.format, view.shape), 5)


def view_of(buffer, description):
    """A memoryview of this format and shape over a buffer of bytes."""
    layout, shape = pickle.loads(description)
    view = memoryview(buffer)
    if (layout, shape) == (view.format, view.shape):
        return view
    return view.cast("B").cast(layout, shape) if view.nbytes else view.cast("B").cast(layout)


def _rebuild_view(buffer, description):
    return view_of(buffer, description)


def _reduce_view(view):
    if not view.c_contiguous:
        raise pickle.PicklingError("a memoryview that is not contiguous cannot be sent: send bytes(view)")
    return _rebuild_view, (pickle.PickleBuffer(view), describe_view(view))


class _PatientPickler(_Pickler):
    """For what the plain one has refused, and for what the other process does not find by its name."""

    dispatch_table = {**_TABLE, memoryview: _reduce_view}

    def __init__(self, file, main_names=None, **options):
        super().__init__(file, protocol=5, **options)
        self._main_names = main_names

    if PICKLES_BY_VALUE:

        def reducer_override(self, value):
            # cloudpickle takes all that the main module has by value: then it would be another class there than that of the same name.
            if self._main_names is not None and is_of_main(value) and self._main_names.has(value):
                return NotImplemented
            if isinstance(value, Cached) and (is_of_main(value) or "<locals>" in value.__qualname__):
                return _cached, (value.__wrapped__, value.cache_parameters())  # cloudpickle would name it
            return super().reducer_override(value)


def _cached(function, parameters):
    return functools.lru_cache(**parameters)(function)


def patient_pickler(file, buffer_callback, main_names):
    return _PatientPickler(file, main_names, buffer_callback=buffer_callback)


class Shipped:
    """A value among a process's start arguments: may be a closure, where cloudpickle is installed.

    Only `spawn` and `forkserver` pickle it; a fork has the value itself. There it is unpickled by `load`, and what that raises is raised by `get`.
    """

    def __init__(self, value, main_names):
        self.value = value
        self._main_names = main_names
        self._error = None

    def load(self):
        try:
            self.value = pickle.loads(self._pickled)
        except Exception as error:
            error.add_note("The worker could not unpickle what it was started with.")
            self._error = error

    def fail(self, error):
        """In place of `load`: `get` raises this."""
        self._error = error

    def get(self):
        if self._error is not None:
            raise self._error
        return self.value

    def __getstate__(self):
        context.assert_spawning(self)
        if self._main_names.is_complete():
            try:
                return bytes(ForkingPickler.dumps(self.value))
            except UNPICKLABLE:
                pass
        file = io.BytesIO()
        pickler = _PatientPickler(file, self._main_names)
        # Descriptors, locks and queues of multiprocessing: what it registers for its own pickler.
        pickler.dispatch_table = {**_PatientPickler.dispatch_table, **ForkingPickler._extra_reducers}
        pickler.dump(self.value)
        return file.getvalue()

    def __setstate__(self, state):
        self.value = self._error = None
        self._pickled = state


def dumps(value, main_names=None):
    """All in one piece of bytes. `main_names`: what the process has that they are for, a MainNames; None: that is not known."""
    try:
        pickled = pickle.dumps(value, 5)
        if main_names is None or b"__main__" not in pickled or main_names.is_complete():
            return pickled
    except UNPICKLABLE:
        pass
    file = io.BytesIO()
    _PatientPickler(file, main_names).dump(value)
    return file.getvalue()


# ---- plain objects (core/plain.hpp) ----

_SPECIAL = ("__getnewargs__", "__getnewargs_ex__", "__setstate__")


def is_plain_class(cls):
    """The dict of its module and its full name, if pickling one of its objects would name it and copy the `__dict__`; else None."""
    module = sys.modules.get(cls.__module__)
    is_plain = (
        cls.__reduce_ex__ is object.__reduce_ex__,
        cls.__reduce__ is object.__reduce__,
        getattr(cls, "__getstate__", None)
        is getattr(object, "__getstate__", None),  # from Python 3.11 on object has it
        not any(hasattr(cls, name) for name in _SPECIAL),
        not copyreg._slotnames(cls),
        vars(module).get(cls.__qualname__) is cls if module else False,
    )
    return (vars(module), f"{cls.__module__}:{cls.__qualname__}") if all(is_plain) else None


def find_class(full_name):
    module, _, name = full_name.partition(":")
    __import__(module)
    found = getattr(sys.modules[module], name)
    if not isinstance(found, type):
        raise pickle.UnpicklingError(f"{full_name} is no class here")
    return found


def build(cls, state):
    """An object of a class that is plain in the sender's program, but not here."""
    made = cls.__new__(cls)
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
    else:
        vars(made).update(state)
    return made
