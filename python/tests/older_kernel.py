"""Runs a program where the kernel tells nothing of how another one's children have ended, which it does since Linux
6.15:  older_kernel.py program arguments...

It does so by seccomp: the ioctl PIDFD_GET_INFO is one that the program's kernel does not have.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

PIDFD_GET_INFO = 3 << 30 | 72 << 16 | 0xFF << 8 | 11
NUMBER_OF_IOCTL = {"x86_64": 16, "aarch64": 29}[platform.machine()]

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
SECCOMP_MODE_FILTER = 2
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # of classic BPF
ALLOW, FAIL = 0x7FFF0000, 0x00050000
AT_NUMBER, AT_SECOND_ARGUMENT = 0, 24  # in struct seccomp_data

# (code, how many to skip if it is so, and if not, value)
FILTER = [
    (LOAD, 0, 0, AT_NUMBER),
    (IF_EQUAL, 0, 3, NUMBER_OF_IOCTL),
    (LOAD, 0, 0, AT_SECOND_ARGUMENT),
    (IF_EQUAL, 0, 1, PIDFD_GET_INFO),
    (RETURN, 0, 0, FAIL | errno.ENOTTY),
    (RETURN, 0, 0, ALLOW),
]


def main(program):
    libc = ctypes.CDLL(None, use_errno=True)
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in FILTER))
    filter = struct.pack("HP", len(FILTER), ctypes.addressof(instructions))
    for call in [(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0)]:
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
