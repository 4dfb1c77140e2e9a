"""The `initializer` of the standard library's pools, as options of a Pool."""


def initializer_options(initializer, initargs):
    """Return the options of a Pool whose workers call `initializer(*initargs)` and drop its result."""
    if initializer is None:
        return {}
    if not callable(initializer):
        raise TypeError(f"initializer: a function or None, not {initializer!r}")
    return {"init": _initialize, "init_args": (initializer, *initargs)}


def _initialize(initializer, *initargs):
    initializer(*initargs)
