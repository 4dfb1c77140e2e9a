"""An asyncio server whose requests are computed by a pool, while somebody kills its workers:  server.py [SECONDS]

Each client sends numbers, one at a time, and checks the answers. In the end nothing may be lost.
"""

import asyncio
import itertools
import os
import random
import sys

import coproc

CLIENTS = 8
BETWEEN_KILLS = 0.2  # seconds


def digits(number):
    """What a request asks for: the sum of the digits of a large power."""
    return sum(map(int, str(3**number))), os.getpid()


async def serve_client(pool, reader, writer):
    try:
        while line := await reader.readline():
            # A request may run again: its worker may be killed more than once.
            total, pid = await pool.submit_with({"max_retries": 100}, digits, int(line))
            writer.write(b"%d %d\n" % (total, pid))
            await writer.drain()
    finally:
        writer.close()


async def be_client(port, pids, is_over):
    """Return the number of requests and that of right answers. The workers that gave them are added to `pids`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = right = 0
    for number in itertools.count(2000):
        if is_over.is_set():
            break
        writer.write(b"%d\n" % number)
        sent += 1
        total, pid = map(int, (await reader.readline()).split())
        right += total == sum(map(int, str(3**number)))
        pids.add(pid)
    writer.close()
    return sent, right


async def kill_workers(pool, pids, is_over):
    killed = 0
    while not is_over.is_set():
        await asyncio.sleep(BETWEEN_KILLS)
        worker = random.choice(pool.workers)
        # Workers that always end before they can run anything are another trouble: PoolBrokenError.
        if worker.pid in pids and worker.is_alive():
            worker.kill()
            killed += 1
    return killed


async def main(seconds):
    # A process with a thread should not be forked.
    with coproc.Pool(2, background=True, method="forkserver") as pool:
        server = await asyncio.start_server(lambda *ends: serve_client(pool, *ends), "127.0.0.1")
        port = server.sockets[0].getsockname()[1]
        is_over, pids = asyncio.Event(), set()
        asyncio.get_running_loop().call_later(seconds, is_over.set)
        killed, *clients = await asyncio.gather(
            kill_workers(pool, pids, is_over), *(be_client(port, pids, is_over) for _ in range(CLIENTS))
        )
        server.close()
    sent, right = (sum(client[place] for client in clients) for place in (0, 1))
    print(f"{sent} requests, {right} right answers, {killed} kills, answers of {len(pids)} workers")


if __name__ == "__main__":
    sys.set_int_max_str_digits(0)
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 3))
