"""A host in Python of the C++ worker pricing.cpp:  host.py PROGRAM"""

import dataclasses
import sys

import coproc
import numpy as np


@dataclasses.dataclass
class Order:
    item: str
    count: int
    options: list[str] = dataclasses.field(default_factory=list)


worker = coproc.ProgramResource(sys.argv[1])
worker.start(bolt=0.25, nut=0.125)
messenger = worker.messenger

messenger.send_request_multiple([Order("bolt", 12, ["zinc"]), Order("nut", 1000)], "orders")
for quote in messenger.receive_remaining("orders"):
    print(f"{quote['text']}: {quote['total']}")

messenger.send_request(Order("screw", 1), "orders")
try:
    messenger.receive_blocking("orders")
except ValueError as error:  # a std::invalid_argument
    print(error)

messenger.send_request(np.arange(6.0).reshape(2, 3), "arrays")
print(messenger.receive_blocking("arrays"))

print(worker.stop())
