from .messenger import Messenger


class MultiMessenger(Messenger):
    """A messenger that returns messages in the order of their sends, and looks at no data's `priority`."""

    _reorders = False
    _queue_name = "MultiQueue"
