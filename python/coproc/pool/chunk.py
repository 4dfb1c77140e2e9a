"""Tasks that are handed to a worker together, and how many: what is learned for each function."""

import dataclasses

#: A chunk that took less makes the next ones of its job larger, and one that took more makes them smaller: in seconds.
_SHORT, _LONG = 0.005, 0.02
_MOST_IN_CHUNK = 1000


@dataclasses.dataclass
class Call:
    """What the tasks of a job have in common."""

    number: int
    function: bytes
    mode: int
    time_limit: float
    max_retries: int
    chunksize: int = 1  # where the user gave none: it is learned


class Chunk:
    """Tasks of one job that belong together."""

    def __init__(self, job, call, first, items, tries=0):
        self.job, self.call, self.first, self.items, self.tries = job, call, first, items, tries
        self.began = 0.0  # when it became the first of its worker's

    def ended(self, now):
        seconds = now - self.began
        if seconds < _SHORT:
            self.call.chunksize = min(_MOST_IN_CHUNK, max(self.call.chunksize, 2 * len(self.items)))
        elif seconds > _LONG:
            self.call.chunksize = max(1, min(self.call.chunksize, len(self.items) // 2))

    def rest(self, done):
        rest = Chunk(self.job, self.call, self.first + done, self.items[done:])
        rest.began = self.began
        return rest
