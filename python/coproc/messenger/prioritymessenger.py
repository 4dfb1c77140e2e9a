from .messenger import Messenger


class PriorityMessenger(Messenger):
    """A messenger that returns messages in the order of their priorities.

    Lower priorities come first, and messages with equal priorities in the order of their sends. The priority of a
    message is `priority=` of the send, or else the attribute `priority` of its data if that is a number, or else minus
    infinity, the most urgent.

    :param end: For the module itself: an end of a link that is not used yet.
    :param codec: 'pickle', the default, or 'msgpack', which sends only what other languages know and unpickles nothing.
    :raises ValueError: if `codec` is another one
    """

    _reorders = True
    _queue_name = "PriorityMultiQueue"
