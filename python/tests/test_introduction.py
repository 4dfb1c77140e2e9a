"""The document that the project was created from runs unchanged, and prints what it says."""

import re
import subprocess
import sys
import textwrap

import document
import pytest

# As a notebook would: all blocks in one namespace, the value of a last expression shown. Blocks are told apart on the
# descriptor, to which the workers print, too.
RUNNER = """
import ast, os, pathlib, sys

sys.stdout.reconfigure(line_buffering=True)
exec(sys.argv[1])

def run(code, namespace):
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "document", "exec"), namespace)
    value = None if last is None else eval(compile(ast.Expression(last.value), "document", "eval"), namespace)
    if value is not None:
        print(repr(value))

namespace = globals()
for number, name in enumerate(sys.argv[2:]):
    os.write(1, b"\\n==== %d\\n" % number)
    run(pathlib.Path(name).read_text(), namespace)
    sys.stdout.flush()
"""


def outputs(text, folder):
    """What each block of the document prints here."""
    runner = folder / "runner.py"
    runner.write_text(RUNNER)
    names = []
    for number, block in enumerate(document.blocks(text)):
        names.append(folder / f"block{number}.py")
        names[-1].write_text(block.code)
    done = subprocess.run(
        [sys.executable, runner, document.PATIENCE, *names], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr.replace("NoneType: None\n", ""), done.stderr
    return re.split(r"\n==== \d+\n", done.stdout)[1:]


def split_timed(lines):
    """The host's lines of the printing example, the worker's, and the x and y of the worker without their numbers,
    which are times: they come before, between and behind what the host prints."""
    runs = re.compile(r"^[xy]+|(?<=-)[xy]+$")
    printed = "".join("".join(runs.findall(line)) for line in lines)
    lines = [line for line in (runs.sub("", line) for line in lines) if line]
    workers = [line for line in lines if line.startswith("self.")]
    return [line for line in lines if line not in workers], workers, re.sub(r"(.)\1*", r"\1", printed)


def differences(text, printed):
    wrong = []
    for block, output in zip(document.blocks(text), printed, strict=True):
        wanted, got = document.normalised(block.output), document.normalised(output)
        got = document.without_races(wanted, got)
        if "keep_printing" in block.output:
            wanted, got = split_timed(wanted), split_timed(got)
        if wanted != got:
            wrong.append((block.code, wanted, got))
    return wrong


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    return outputs(document.DOCUMENT.read_text(), tmp_path_factory.mktemp("introduction"))


def test_every_block_prints_what_the_document_says(printed):
    text = document.DOCUMENT.read_text()
    assert len(printed) == text.count("```python\n") == 16
    assert not differences(text, printed)


@pytest.mark.parametrize(
    "said, instead",
    [
        ("['hello']", "['hallo']"),
        ("    0\n    1\n    hello\n    0", "    0\n    0\n    hello\n    0"),
        ("Starting process", "Began process"),
        (
            "<class 'ValueError'> data must be positive\n    False",
            "<class 'ValueError'> data must be positive\n    True",
        ),
        ("request_ctr=RequestCtr(requests=Counter(),", "request_ctr=RequestCtr(requests=Counter({None: 1}),"),
        ("[DataMessage(data=1, priority=1)]", "[DataMessage(data=1, priority=0)]"),
        ("xxxxyyy", "yyyyxxx"),
        ("    self.keep_printing=False\n", ""),
        ("Already not printing! oh well.\n\n", "\n"),
        ("method=None, _proc=None, _messenger=None)", "method='fork', _proc=None, _messenger=None)"),
    ],
)
def test_another_output_would_be_seen(printed, said, instead):
    text = document.DOCUMENT.read_text() + "\n"
    head, _, tail = text.rpartition(said)
    assert tail, f"the document does not say {said!r}"
    assert len(differences(head + instead + tail, printed)) == 1


def test_the_document_is_taken_apart_as_it_is_meant():
    text = textwrap.dedent(
        """\
        # A title
        ```python
        print(1)
        ```

            1


            2
        More text.
        ```python
        x = 1
        ```
        ```python
        x
        ```
            1
        """
    )
    found = document.blocks(text)
    assert [block.code for block in found] == ["print(1)\n", "x = 1\n", "x\n"]
    assert [document.normalised(block.output) for block in found] == [["1", "2"], [], ["1"]]


def test_what_a_worker_prints_within_a_line_of_the_hosts_is_told_apart():
    assert document.normalised("----self.keep_printing=False\n\nhelloStarting process 7\n\n") == [
        "----",
        "self.keep_printing=False",
        "hello",
        "Starting process N",
    ]


def test_a_reply_that_is_there_at_once_is_as_good_as_the_documents():
    shown = ["0", "0", "1", "['hello']"]
    assert document.without_races(shown, ["0", "1", "1", "['hello']"]) == shown
    assert document.without_races(shown, ["0", "1", "2", "['hello']"]) != shown
