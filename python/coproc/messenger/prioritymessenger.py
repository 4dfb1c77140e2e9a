from .messenger import Messenger


class PriorityMessenger(Messenger):
    """A messenger that returns messages in the order of their priority: lower first, equal ones in the order of their sends.

    A message's priority is its data's attribute `priority`, if it has one that is not None; else minus infinity, the most urgent.
    """

    _reorders = True
    _queue_name = "PriorityMultiQueue"
