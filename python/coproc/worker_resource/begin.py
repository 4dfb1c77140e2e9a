"""The first lines that an interpreter on another machine runs: its command line has this file as `-c`.

They run under any Python 3, and unpickle nothing. What does not fit they print behind a mark (elsewhere.py).
"""

import json
import sys


def begin(said):
    sys.path[:] = [path for path in sys.path if path]  # without the directory in which it happens to be started
    compare(said, "Python", "%d.%d" % sys.version_info[:2], "give an interpreter of that version")
    try:
        from coproc import _core
    except ImportError as error:
        refuse(
            said,
            "coproc cannot be imported by %s there (%s): install coproc %s for it, or give another interpreter"
            % (sys.executable, error, said["coproc"]),
        )
    here = getattr(_core, "version", "of another version")
    compare(said, "coproc", here, "install the same one on both machines, or give another interpreter")
    from coproc.worker_resource.there import be_worker

    be_worker()


def compare(said, what, here, advice):
    if here != said[what]:
        refuse(
            said,
            '%s there has %s %s, and its host on "%s" has %s, whose pickles it would misunderstand: %s'
            % (sys.executable, what, here, said["host"], said[what], advice),
        )


def refuse(said, text):
    sys.stderr.write("%s%s, as Machine.program_there\n" % (said["mark"], text))
    sys.exit(1)


if __name__ == "__main__":
    begin(json.loads(sys.argv[1]))
