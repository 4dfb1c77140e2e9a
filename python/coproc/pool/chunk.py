"""Tasks that are handed to a worker together, and how many: what is learned for each function."""

#: A chunk that took less makes the next ones of its job larger, and one that took more makes them smaller: in seconds.
_SHORT, _LONG = 0.005, 0.02
_MOST_IN_CHUNK = 1000


class Chunk:
    """Tasks of one job that belong together."""

    def __init__(self, job, call, first, items, tries=0):
        self.job, self.call, self.first, self.items, self.tries = job, call, first, items, tries
        self.began = 0.0  # when it became the first of its worker's
        self.loads_from = 0  # the number of the message from which its worker unpickles what it needs of it
        self.interruptions = 0  # of its pickling

    def ended(self, now):
        seconds = now - self.began
        if seconds < _SHORT:
            self.call.chunksize = min(_MOST_IN_CHUNK, max(self.call.chunksize, 2 * len(self.items)))
        elif seconds > _LONG:
            self.call.chunksize = max(1, min(self.call.chunksize, len(self.items) // 2))

    def one(self, index):
        return Chunk(self.job, self.call, self.first + index, self.items[index : index + 1], self.tries)

    def rest(self, done):
        rest = Chunk(self.job, self.call, self.first + done, self.items[done:])
        rest.began, rest.loads_from = self.began, self.loads_from
        return rest
