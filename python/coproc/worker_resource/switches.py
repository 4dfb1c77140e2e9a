"""Checks the options that are either on or off."""


def check_switches(**switches):
    """Raise TypeError unless each of these options is True or False: "no" is true, too, and means the opposite."""
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name}: True or False, not {value!r}")
