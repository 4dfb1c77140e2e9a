"""The functions of a pool. The host keeps a bounded number of them, and the workers keep those that the host keeps."""

import collections

#: The largest number of functions that are kept, and of the bytes of their pickles.
_MOST, _MOST_BYTES = 256, 4 << 20


class Functions:
    """The functions of one kernel, by their pickles. Those that were used longest ago are dropped first.

    A task that waits keeps its function even then. Thread safety: none.
    """

    def __init__(self, kernel):
        self._kernel = kernel
        self._kept = collections.OrderedDict()
        self._bytes = 0

    def get(self, data):
        """Return the function with this mode and pickle."""
        function = self._kept.get(data)
        if function is not None:
            self._kept.move_to_end(data)
            return function
        function = self._kept[data] = self._kernel.new_function(data)
        self._bytes += len(data)
        while len(self._kept) > _MOST or self._bytes > _MOST_BYTES:
            dropped, _ = self._kept.popitem(last=False)
            self._bytes -= len(dropped)
        return function
