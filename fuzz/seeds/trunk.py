"""Frames of a trunk, by which the agents of several workers share a connection."""

from fields import u16


def trunk():
    types = "hello welcome open opened data end credit gone ping pong forget records".split()

    def act(what, branch=0):
        return bytes([0, branch, ["open", "ask", "send", "pass_on", "give_up"].index(what)])

    def frame(name, number=0, size=0, amount=0, contents=True):
        """The number is that of a ping, or the place of a branch among those that there are."""
        which = b"" if name in ("open", "hello") else bytes([number])
        which += u16(amount) if name == "credit" else b""
        inside = (b"\0" + u16(size) if name == "data" else b"\0") if contents else b"\xff\0"
        return bytes([1, 12 + types.index(name), 255]) + which + inside + b"\xff"

    def raw(data):
        return b"\1\0" + bytes([len(data)]) + data + b"\xff"

    near, far = b"\0\0", b"\1\0"
    opened = near + act("open") + frame("opened")
    yield opened + frame("data", 0, 5) + act("send") * 3 + frame("credit", 0, 0, 20000) + frame("end") + frame(
        "gone"
    ) + act("give_up") + act("open") + frame("opened")
    yield far + frame("open") * 3 + frame("data", 1, 60000) * 17 + act("pass_on", 1) + frame("data", 1, 9) + frame(
        "end", 1
    ) + act("give_up", 1) + frame("forget", 1) + frame("open")
    yield far + act("ask") * 4 + frame("pong", 2) + frame("pong", 4) + frame("pong", 4)
    yield near + frame("ping", 3) + frame("ping", 3)
    yield opened + frame("data", 0, 65000) * 17
    yield opened + act("send") + frame("credit", 0, 0, 9001)
    for last in ("opened", "data", "end", "credit", "gone", "ping", "pong", "forget", "open", "records", "hello"):
        yield opened + frame("end") + frame(last, 1)
        yield opened + frame("end") + frame("gone") + frame(last)
        yield near + act("open") + frame(last)
        yield far + frame("open") + frame(last, 1)
        yield far + frame(last)
        yield opened + frame(last, contents=False)
        yield near[:1] + b"\xff" + frame(last)
    yield opened + raw(b"\1\0\0\0\x15\0\0\0\1\0\0\0\0\0\0\0x")
    yield opened + raw(b"\1\0\0\0\x15\1\0\0\1\0\0\0\0\0\0\0x")
    yield far[:1] + b"\xff" + frame("welcome", 5) + frame("open")
