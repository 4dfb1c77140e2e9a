"""Pickling, where the pickler in C is not enough.

Values are pickled by protocol 5. Values that it refuses (closures, lambdas, classes of a notebook) are pickled by
cloudpickle, if that is installed. Memoryviews become bytes with a shape.
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
except ImportError:  # then closures cannot be sent
    from pickle import Pickler as _Pickler

    _TABLE = copyreg.dispatch_table
    PICKLES_BY_VALUE = False

#: The exceptions of a pickler for objects that another one may be able to pickle.
UNPICKLABLE = (pickle.PicklingError, TypeError, AttributeError)


_EMPTY = memoryview(b"")


def describe_view(view):
    """Return a pickle of the format and shape of a view. Raises PicklingError if `view_of` could not use them."""
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
    """Return a memoryview of this format and shape over a buffer of bytes."""
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
    """Pickles values that the other pickler refuses, and values that the other process does not have by name."""

    dispatch_table = {**_TABLE, memoryview: _reduce_view}

    def __init__(self, file, main_names=None, **options):
        super().__init__(file, protocol=5, **options)
        self._main_names = main_names

    if PICKLES_BY_VALUE:

        def reducer_override(self, value):
            # cloudpickle would send everything of the main module by value, also a class that the other process
            # already has under the same name.
            if self._main_names is not None and is_of_main(value) and self._main_names.has(value):
                return NotImplemented
            if isinstance(value, Cached) and (is_of_main(value) or "<locals>" in value.__qualname__):
                return _cached, (value.__wrapped__, value.cache_parameters())  # cloudpickle would refer to it by name
            return super().reducer_override(value)


def _cached(function, parameters):
    return functools.lru_cache(**parameters)(function)


def patient_pickler(file, buffer_callback, main_names):
    return _PatientPickler(file, main_names, buffer_callback=buffer_callback)


class Shipped:
    """A value among the start arguments of a process, which may be a closure, if cloudpickle is installed.

    Only `spawn` and `forkserver` pickle it; a fork has the value itself. In the new process `load` unpickles it, and
    `get` raises what that has raised.
    """

    def __init__(self, value, main_names):
        self.value = value
        self._main_names = main_names
        self._error = None

    def load(self):
        """Unpickle the value. Keeps an exception for `get`."""
        try:
            self.value = pickle.loads(self._pickled)
        except Exception as error:
            error.add_note("The worker could not unpickle what it was started with.")
            self._error = error

    def fail(self, error):
        """Do not unpickle the value; `get` raises this exception."""
        self._error = error

    def get(self):
        """Return the value, or raise the exception of `load` or `fail`."""
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
        # The reducers that multiprocessing registers for its own pickler: of descriptors, locks and queues.
        pickler.dispatch_table = {**_PatientPickler.dispatch_table, **ForkingPickler._extra_reducers}
        pickler.dump(self.value)
        return file.getvalue()

    def __setstate__(self, state):
        self.value = self._error = None
        self._pickled = state


def dumps(value, main_names=None):
    """Pickle a value into one piece of bytes.

    :param value: the value
    :param main_names: the MainNames of the process that will unpickle it; None, the default: they are not known
    :return: the pickle
    """
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
    """Return the dict of a class's module and the full name of the class, or None.

    None stands for a class whose objects are not pickled by naming the class and copying the `__dict__`.
    """
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
    """Import and return the class of this name, "module:name"."""
    module, _, name = full_name.partition(":")
    __import__(module)
    found = getattr(sys.modules[module], name)
    if not isinstance(found, type):
        raise pickle.UnpicklingError(f"{full_name} is not a class here")
    return found


def build(cls, state):
    """Make an object of a class that is plain in the sender's program, but not here."""
    made = cls.__new__(cls)
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
    else:
        vars(made).update(state)
    return made
