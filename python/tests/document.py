"""The seed document taken apart: its Python blocks, in order, and what it says that each prints."""

import dataclasses
import pathlib
import re

DOCUMENT = pathlib.Path(__file__).with_name("introduction.md")

#: Runs before the document: where it waits a tenth of a second for a worker, the worker has longer, since others need
#: the processors, too.
PATIENCE = "import time; briefly = time.sleep; time.sleep = lambda seconds: briefly(4 * seconds)"

#: What the document's workers print, which may come between a line of the host's and its end: `print` writes these one
#: after the other.
WORKERS_SAY = r"Starting process N|process N received: hello|self\.keep_printing=False"


@dataclasses.dataclass
class Block:
    code: str
    output: str  # as the document shows it, without its indentation; "" where it shows none


def parts(text):
    """('markdown', text) and ('code', Block) in the order of the document."""
    found = []
    pieces = re.split(r"^```python\n(.*?)^```\n", text, flags=re.MULTILINE | re.DOTALL)
    found.append(("markdown", pieces[0]))
    for code, rest in zip(pieces[1::2], pieces[2::2]):
        # What a notebook has printed follows its cell, indented by four spaces, before anything else.
        shown = re.match(r"(?:[ \t]*\n|    .*\n?)*", rest).group()
        found.append(
            (
                "code",
                Block(code, "".join(line[4:] if line.startswith("    ") else line for line in shown.splitlines(True))),
            )
        )
        found.append(("markdown", rest[len(shown) :]))
    return found


def blocks(text):
    return [part for kind, part in parts(text) if kind == "code"]


def normalised(output):
    """Without what differs from run to run: process ids, addresses, what a link is, blank lines, and accidental lines
    of `traceback`."""
    output = re.sub(r"0x[0-9a-f]+", "0x", output)
    output = re.sub(r"pipe=<[\w.]+ object at 0x>", "pipe=<link>", output)
    output = re.sub(r"\b(pid=|parent=|process )\d+", r"\1N", output)
    output = re.sub(WORKERS_SAY, r"\n\g<0>\n", output)
    lines = [line.rstrip() for line in output.splitlines()]
    return [line for line in lines if line and line != "NoneType: None"]


def without_races(wanted, got):
    """`got` with what the document shows where it could show either: a worker that is stopped at once may have said
    that it starts, and a reply may be there at once."""
    starts = "Starting process N"
    if starts not in wanted:
        got = [line for line in got if line != starts]
    not_yet, at_once = (["0", available, "1", "['hello']"] for available in "01")
    return not_yet if wanted == not_yet and got == at_once else got
