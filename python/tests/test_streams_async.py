"""Streams in asyncio: several tasks, times, cancelled tasks, and ends."""

import asyncio

import coproc
import pytest
from coproc import WorkerResource


def count(messenger):
    while True:
        request = messenger.receive_message_blocking()
        with coproc.ReplyStream(messenger, request) as parts:
            for number in range(request.payload):
                parts.send(number)


def test_streams_of_several_workers_and_of_one_are_read_at_once(method):
    async def read(worker, size):
        return [part async for part in worker.messenger.stream(size, window_bytes=2000)]

    async def main():
        workers = [WorkerResource(count, method=method) for _ in range(2)]
        for worker in workers:
            worker.start()
        sizes = [300, 1, 0, 500]
        read_all = await asyncio.gather(*(read(worker, size) for worker in workers for size in sizes))
        assert read_all == 2 * [list(range(size)) for size in sizes]
        for worker in workers:
            worker.stop()

    asyncio.run(main())


def test_parts_that_come_later_are_awaited(pair):
    a, b = pair

    async def main():
        stream = a.stream(0)
        request = b.receive_message_blocking()
        got = []

        async def read():
            async for part in stream:
                got.append(part)
            got.append(await stream.next_async("end"))

        reading = asyncio.create_task(read())
        for number in range(5):
            await asyncio.sleep(0.001)
            assert got == list(range(number))
            b.reply_part_to(request, number)
            while len(got) == number:
                await asyncio.sleep(0)
        b.end_reply_to(request)
        await reading
        assert got == [*range(5), "end"]

    asyncio.run(main())


def test_messages_and_several_streams_for_several_tasks(pair):
    """Whatever is sent wakes its task and no other one for good, in whatever order."""
    a, b = pair

    async def main():
        streams = [a.stream(number) for number in range(3)]
        requests = [b.receive_message_blocking() for _ in streams]
        for order in ("012x", "x210", "1x02", "20x1"):
            waiting = {str(number): asyncio.create_task(stream.next_async()) for number, stream in enumerate(streams)}
            waiting["x"] = asyncio.create_task(a.receive_async("x"))
            await asyncio.sleep(0.001)
            b.send_norequest(0, "nobody's")
            for name in order:
                assert not waiting[name].done()
                if name == "x":
                    b.send_norequest(name, "x")
                else:
                    b.reply_part_to(requests[int(name)], name)
                assert await asyncio.wait_for(waiting[name], 60) == name

    asyncio.run(main())


@pytest.mark.parametrize("end", ["part", "end", "error"])
def test_a_look_of_another_task_that_takes_in_what_a_task_waits_for(pair, end):
    a, b = pair

    async def main():
        stream = a.stream(0)
        request = b.receive_message_blocking()
        waiting = asyncio.create_task(stream.next_async("no more"))
        await asyncio.sleep(0.01)
        if end == "part":
            b.reply_part_to(request, "no more")
        elif end == "end":
            b.end_reply_to(request)
        else:
            b.reply_error_to(request, LookupError("no more"))
        b.send_norequest(2, "y")
        assert await a.receive_async("y") == 2  # before the loop has looked at the descriptor
        assert stream.queued() == 1
        if end == "error":
            with pytest.raises(LookupError, match="no more"):
                await asyncio.wait_for(waiting, 60)
        else:
            assert await asyncio.wait_for(waiting, 60) == "no more"

    asyncio.run(main())


@pytest.mark.parametrize("end", ["last part", "end", "error"])
def test_a_task_that_reads_the_end_wakes_the_others(pair, end):
    a, b = pair

    async def main():
        stream = a.stream(0)
        request = b.receive_message_blocking()
        waiting = asyncio.create_task(stream.next_async("over"))
        await asyncio.sleep(0.01)
        if end == "last part":
            b.reply_to(request, "last")
            assert await stream.next_async() == "last"
        elif end == "end":
            b.end_reply_to(request)
            assert await stream.next_async("end") == "end"
        else:
            b.reply_error_to(request, LookupError("no more"))
            with pytest.raises(LookupError, match="no more"):
                await stream.next_async()
        assert await asyncio.wait_for(waiting, 60) == "over"

    asyncio.run(main())


def test_a_look_for_parts_that_takes_in_a_message(pair):
    a, b = pair

    async def main():
        stream = a.stream(0)
        request = b.receive_message_blocking()
        waiting = asyncio.create_task(a.receive_async())
        await asyncio.sleep(0.01)
        b.send_norequest("message")
        b.reply_part_to(request, "part")
        assert await stream.next_async() == "part"
        assert await asyncio.wait_for(waiting, 60) == "message"

    asyncio.run(main())


def test_times_and_cancelled_tasks_lose_nothing(pair):
    a, b = pair

    async def main():
        stream = a.stream(0, each=0.01)
        request = b.receive_message_blocking()
        with pytest.raises(TimeoutError):
            await stream.next_async(timeout=0.01)
        with pytest.raises(TimeoutError):
            async for _ in stream:
                pass
        waiting = asyncio.create_task(stream.next_async())
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not stream.is_over
        b.reply_part_to(request, None)
        assert await stream.next_async("none") is None
        b.end_reply_to(request)
        assert await stream.next_async("none") == "none" and stream.is_over

    asyncio.run(main())


def die_in_the_middle(messenger):
    request = messenger.receive_message_blocking()
    messenger.send_norequest("for nobody")
    for number in range(10):
        messenger.reply_part_to(request, number)
    raise SystemExit(7)


def test_the_end_of_a_worker_comes_behind_its_parts(method):
    async def main():
        with WorkerResource(die_in_the_middle, method=method) as worker:
            got = []
            with pytest.raises(coproc.WorkerDiedError):
                async for part in worker.messenger.stream(0):
                    got.append(part)
            assert got == list(range(10))
            assert worker.messenger.receive_blocking() == "for nobody"

    asyncio.run(main())


def test_a_stream_that_is_cancelled_and_a_messenger_that_is_closed_end_waits(pair):
    a, b = pair

    async def main():
        cancelled, closed = a.stream(0), a.stream(0)
        waiting = [asyncio.create_task(stream.next_async("over")) for stream in (cancelled, closed)]
        await asyncio.sleep(0.01)
        cancelled.cancel()
        assert await asyncio.wait_for(waiting[0], 60) == "over"
        assert not waiting[1].done()
        a.close()
        with pytest.raises(coproc.LinkClosedError):
            await asyncio.wait_for(waiting[1], 60)

    asyncio.run(main())


@pytest.mark.parametrize("end", ["cancelled", "closed"])
def test_another_thread_ends_what_a_task_awaits(pair, end):
    a, _ = pair

    async def main():
        stream = a.stream(0)
        waiting = asyncio.create_task(stream.next_async("over"))
        await asyncio.sleep(0.01)
        await asyncio.to_thread(stream.cancel if end == "cancelled" else a.close)
        if end == "cancelled":
            assert await asyncio.wait_for(waiting, 60) == "over"
        else:
            with pytest.raises(coproc.LinkClosedError):
                await asyncio.wait_for(waiting, 60)

    asyncio.run(main(), debug=True)  # so that what only the loop's own thread may call raises in others


def test_a_closed_loop_whose_task_awaited_a_part_is_left_alone(pair):
    a, _ = pair
    stream = a.stream(0)
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(stream.next_async())
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    stream.cancel()
    a.close()
    assert stream.is_over and not waiting.done()
    waiting._log_destroy_pending = False


def test_a_look_is_not_lost_when_a_count_raises(pair):
    a, b = pair

    async def main():
        stream = a.stream(0)
        request = b.receive_message_blocking()
        waiting = asyncio.create_task(a.receive_async())
        await asyncio.sleep(0.01)

        def fail(channel_id):
            del a.queue_size
            raise coproc.LinkClosedError("the link is about to go")

        a.queue_size = fail
        b.reply_part_to(request, "part")
        assert await stream.next_async() == "part"
        assert "queue_size" not in vars(a)
        b.send_norequest("message")
        assert await asyncio.wait_for(waiting, 60) == "message"

    asyncio.run(main())


def test_a_part_that_cannot_be_unpickled_is_raised_in_its_place(pair):
    a, b = pair

    async def main():
        stream = a.stream(0)
        request = b.receive_message_blocking()
        waiting = asyncio.create_task(stream.next_async())
        await asyncio.sleep(0.01)
        b.reply_part_to(request, Bad())
        b.reply_to(request, 2)
        with pytest.raises(LookupError):
            await waiting
        assert [part async for part in stream] == [2]

    asyncio.run(main())


class Bad:
    def __reduce__(self):
        return bad, ()


def bad():
    raise LookupError("cannot be made here")


def test_a_wait_beside_unread_parts_of_another_stream_is_no_busy_loop(pair):
    a, b = pair

    async def main():
        unread, stream = a.stream(0), a.stream(1)
        b.reply_part_to(b.receive_message_blocking(), 0)
        looks = 0

        class Counting:
            def __call__(self):
                nonlocal looks
                looks += 1
                return type(stream)._try_next(stream)

        stream._try_next = Counting()
        with pytest.raises(TimeoutError):
            await stream.next_async(timeout=1)
        assert next(unread) == 0
        return looks

    assert asyncio.run(main()) < 10


def test_an_answer_from_an_event_loop_never_blocks_it(pair):
    a, b = pair

    async def answer():
        request = await b.receive_message_async()
        loop = asyncio.get_running_loop()
        for number in range(500):
            while not b.try_reply_part_to(request, number):
                readable = loop.create_future()
                loop.add_reader(b.fileno(), lambda: readable.done() or readable.set_result(None))
                await readable
                loop.remove_reader(b.fileno())
        b.end_reply_to(request)

    async def main():
        answering = asyncio.create_task(answer())
        assert [part async for part in a.stream(0, window_bytes=1000)] == list(range(500))
        await answering

    asyncio.run(main())
