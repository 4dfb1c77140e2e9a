"""The notebook of the document runs in a kernel, and prints what the document says."""

import json
import pathlib
import sys

import document
import nbclient
import nbformat
import notebook
import pytest
from test_introduction import split_timed

NOTEBOOK = pathlib.Path(__file__).parents[2] / "examples" / "python" / "introduction.ipynb"


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """This interpreter, whatever kernels are installed; nothing of jupyter's is left behind."""
    spec = tmp_path / "data" / "kernels" / "python3"
    spec.mkdir(parents=True)
    command = [
        sys.executable,
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
        f"--IPKernelApp.exec_lines={document.PATIENCE}",
    ]
    (spec / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}))
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / ("data" if name == "JUPYTER_DATA_DIR" else name.lower())))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "data"))


def printed(cell):
    """In the order in which it came: what the cell has written, and its value."""
    texts = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
        if output.get("name") != "stderr"
    ]
    return "\n".join(texts)


def test_the_notebook_runs_and_prints_what_the_document_says(kernel, tmp_path):
    read = nbformat.read(NOTEBOOK, as_version=4)
    assert read.cells == notebook.notebook().cells, "write it anew: python/tests/notebook.py"
    nbclient.NotebookClient(
        read, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    codes = [cell for cell in read.cells if cell.cell_type == "code"]
    for cell, block in zip(codes, document.blocks(document.DOCUMENT.read_text()), strict=True):
        wanted, got = document.normalised(block.output), document.normalised(printed(cell))
        got = document.without_races(wanted, got)
        if "keep_printing" in block.output:
            wanted, got = split_timed(wanted), split_timed(got)
        # The kernel collects what workers print apart from what the cell does: the lines are there, in any order.
        assert sorted(map(str, got)) == sorted(map(str, wanted)), block.code
