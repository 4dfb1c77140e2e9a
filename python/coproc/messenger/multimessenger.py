from .messenger import Messenger


class MultiMessenger(Messenger):
    """A messenger that returns messages in the order of their sends, and does not look at the `priority` of data.

    :param end: For the module itself: an end of a link that is not used yet.
    :param codec: 'pickle', the default, or 'msgpack', which sends only what other languages know and unpickles nothing.
    :raises ValueError: if `codec` is another one
    """

    _reorders = False
    _queue_name = "MultiQueue"
