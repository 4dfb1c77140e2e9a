from decimal import Decimal
from fractions import Fraction

import pytest
from coproc import MultiQueue, PriorityMultiQueue, PriorityQueue, RequestCtr


def drained(queue, *channel):
    items = []
    while not queue.empty(*channel):
        items.append(queue.get(*channel))
    return items


def test_lower_priorities_come_first_and_equal_ones_in_order():
    queue = PriorityQueue()
    for item, priority in (("c", 2), ("a", 1), ("d", 2.0), ("b", True), ("e", Fraction(5, 2)), ("f", Decimal(3))):
        queue.put(item, priority)
    queue.put("first")
    assert queue.size() == len(queue) == 7
    assert repr(queue).startswith("PriorityQueue([(-inf, 'first'), (1, 'a'), (True, 'b')")
    assert drained(queue) == ["first", "a", "b", "c", "d", "e", "f"]


def test_numbers_that_no_double_holds_are_told_apart():
    queue = PriorityQueue()
    numbers = [2**53 + 1, 2**53, 2.0**53, 10**400, -(10**400), float("inf")]
    for number in numbers:
        queue.put(number, number)
    assert drained(queue) == sorted(numbers)


def test_items_are_never_compared():
    queue = PriorityQueue()
    for _ in range(3):
        queue.put(object(), 1)
        queue.put({}, 1)
    assert len(drained(queue)) == 6


def test_what_is_no_priority_leaves_the_queue_as_it_was():
    queue = PriorityMultiQueue()
    with pytest.raises(ValueError, match="NaN"):
        queue.put(1, float("nan"), "channel")
    with pytest.raises(TypeError, match="number"):
        queue.put(1, "high", "channel")
    with pytest.raises(TypeError, match="number"):
        queue.put(1, None, "channel")
    assert "channel" not in queue


def test_channels_are_kept_apart_and_an_empty_one_takes_no_memory():
    for queue in (MultiQueue(), PriorityMultiQueue()):
        put = (
            (lambda item, channel: queue.put(item, 0, channel)) if isinstance(queue, PriorityMultiQueue) else queue.put
        )
        put(1, "a")
        put(2, "b")
        put(3, "a")
        assert (queue.size("a"), queue.size("b"), queue.size("c")) == (2, 1, 0)
        assert "a" in queue and queue["a"].size() == 2
        assert drained(queue, "a") == [1, 3]
        assert "a" not in queue and list(queue.queues) == ["b"]
        with pytest.raises(IndexError, match="'a'"):
            queue.get("a")
        with pytest.raises(KeyError):
            queue["a"]


def test_empty_queues_are_index_errors():
    with pytest.raises(IndexError):
        PriorityQueue().get()
    with pytest.raises(IndexError):
        MultiQueue().get(None)


def test_requests_are_counted():
    counter = RequestCtr()
    for count in (counter.sent_message, counter.sent_request, counter.received_reply, counter.received_reply):
        count("c")
    counter.received_message(None)
    assert counter.remaining("c") == 0  # never negative
    counter.sent_request("c")
    counter.sent_request("c")
    assert counter.remaining("c") == 1
    assert (counter.requests_sent("c"), counter.replies_received("c"), counter.messages_sent("c")) == (3, 2, 1)
    assert counter.messages_received() == 1 and counter.remaining("other") == 0


def test_reprs():
    assert repr(PriorityMultiQueue()) == "PriorityMultiQueue(queues={})"
    assert repr(MultiQueue()) == "MultiQueue(queues={})"
    assert repr(RequestCtr()) == "RequestCtr(requests=Counter(), replies=Counter(), sent=Counter(), received=Counter())"
