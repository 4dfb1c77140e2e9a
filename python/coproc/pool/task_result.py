"""One result of a map, with its index."""


class TaskResult:
    """One result of a map, or the error in its place. `Results.as_results()` brings these.

    :param index: the index of the argument in the input, from 0 on; the attribute `index`
    :param value: the result
    :param error: what is raised in the place of the result; None if there is one; the attribute `error`
    """

    __slots__ = ("index", "error", "_value")

    def __init__(self, index, value, error=None):
        self.index = index
        self.error = error
        self._value = value

    @property
    def value(self):
        """The result.

        :raises Exception: the error, if there is one
        """
        if self.error is None:
            return self._value
        try:
            raise self.error
        finally:
            self = None  # the error's traceback refers to this frame

    def __repr__(self):
        outcome = f"value={self._value!r}" if self.error is None else f"error={self.error!r}"
        return f"TaskResult(index={self.index}, {outcome})"
