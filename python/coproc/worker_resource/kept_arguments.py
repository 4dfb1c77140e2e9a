"""The start arguments of a Supervised, as they were when it was started."""

import io
import pickle
import types

from .. import _core
from ..pickling import UNPICKLABLE, _reduce_view
from .box import flat

#: Objects that a copy refers to, instead of copying them.
_CODE = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)


class KeptArguments:
    """A copy of start arguments, of which each restart gets a copy of its own.

    What the program does with its own objects after the start does not reach the next worker. Functions, classes,
    modules, and what stands for something outside of this process (files, sockets, and the pipes, queues, locks and
    shared memory of multiprocessing), are the same objects in all of them.

    :param arguments: the dict of arguments
    :param name: the name of the worker, for errors
    :raises TypeError: if an argument cannot be copied
    """

    def __init__(self, arguments, name):
        self._same = []
        if any(isinstance(each, _core.Messenger) for each in flat(arguments.values())):
            raise TypeError(
                f"worker {name!r} is supervised, and has a messenger among its start arguments, which only one process "
                "can have: make a new pair for each worker, and send one end by the function on_restart"
            )
        try:
            self._bytes = self._copied(arguments)
        except UNPICKLABLE as error:
            which = next((key for key in arguments if not self._can_copy(arguments[key])), None)
            raise TypeError(
                f"worker {name!r} is supervised, and its start argument {which!r} cannot be copied for restarts "
                f"({error}): let the target make it, or give a function that returns it"
            ) from error

    def get(self):
        """Return a copy of the arguments."""
        return _Reader(io.BytesIO(self._bytes), self._same).load()

    def _copied(self, value):
        file = io.BytesIO()
        _Writer(file, self._same).dump(value)
        return file.getvalue()

    def _can_copy(self, value):
        try:
            self._copied(value)
        except UNPICKLABLE:
            return False
        return True


def _same_as_before(place):
    """Stand in a pickle for the object at this place of `KeptArguments._same`."""
    raise pickle.UnpicklingError("kept arguments are read by KeptArguments alone")


class _Writer(pickle.Pickler):
    def __init__(self, file, same):
        super().__init__(file, protocol=5)
        self._same = same

    def reducer_override(self, value):
        if value is _same_as_before:
            return NotImplemented
        if isinstance(value, memoryview):
            return _reduce_view(value)
        if isinstance(value, _CODE) or _is_outside(value):
            self._same.append(value)
            return _same_as_before, (len(self._same) - 1,)
        return NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, file, same):
        super().__init__(file)
        self._same = same

    def find_class(self, module, name):
        if (module, name) == (__name__, _same_as_before.__name__):
            return self._same.__getitem__
        return super().find_class(module, name)


def _is_outside(value):
    return hasattr(type(value), "fileno") or any(
        each.__module__.partition(".")[0] == "multiprocessing" for each in type(value).__mro__
    )
