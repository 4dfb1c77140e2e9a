"""What is known of a worker whose machine was lost, and the agent that was installed with this module."""

import enum
import os


class Fence(enum.Enum):
    """Whether a worker whose machine was lost can still be running: `ExitStatus.machine_lost.fence`.

    `confirmed`: it has ended for certain. `by_lease`: the agent there must have ended it by now, and has, unless
    somebody kept the agent from running. `no`: it may run on; coproc has ended it as far as it could reach it.
    """

    confirmed = "confirmed"
    by_lease = "by_lease"
    no = "no"


def own_agent():
    """Return the path of the coproc-agent beside this module, or its name if there is none."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "coproc-agent")
    return path if os.access(path, os.X_OK) else "coproc-agent"
