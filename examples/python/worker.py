"""A worker in Python of the C++ host host.cpp: sums orders up, and gives the totals back as an array."""

import sys

import coproc
import numpy as np


def main(messenger, rate):
    totals = []
    while True:
        order = messenger.receive_blocking()
        if order is None:
            messenger.send_reply(np.array(totals) * rate)
        elif order["count"] > 0:
            totals.append(float(order["count"]))
            messenger.send_reply({"text": f"{order['count']} x {order['item']}", "total": order["count"] * rate})
        else:
            raise ValueError(f"an order of {order['count']} {order['item']}")


sys.exit(coproc.run_worker(main, takes_arguments=True))
