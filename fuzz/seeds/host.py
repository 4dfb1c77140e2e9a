"""What the host does, as host.cpp reads it."""


def receive(how, channel=0, kind=0):
    return bytes([0, 0, channel, how, kind]) + bytes(how == 5)


def look(how, channel=0):
    return bytes([0, 1, channel, how])


def send(how, channel=0, size=0):
    return bytes([0, 2, channel, how, size])


RECEIVES = b"".join(receive(how, 0, kind) for how in range(8) for kind in range(4))
