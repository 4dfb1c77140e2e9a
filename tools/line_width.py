#!/usr/bin/python3
"""Names the lines that are longer than 120 columns, and fails if there are any. `make format-check` runs it.

clang-format and black break code, but no comments, docstrings or text. In Markdown, tables and code may be longer,
since neither can be broken.
"""
import pathlib
import subprocess
import sys

LIMIT = 120
ROOT = pathlib.Path(__file__).resolve().parent.parent
CHECKED = {".cpp", ".hpp", ".py", ".pyi", ".sh", ".cmake", ".txt", ".pml", ".md"}
# Results are generated, and the introduction is somebody else's document.
NOT_OURS = ("bench/results/", "fuzz/corpus/", "python/tests/introduction.md")


def is_checked(name):
    path = pathlib.PurePath(name)
    return (path.suffix in CHECKED or path.name == "Makefile") and not name.startswith(NOT_OURS)


def prose_of(lines):
    """The numbered lines of a Markdown page that are neither code nor tables."""
    fenced = indented = False
    before = ""
    for number, line in lines:
        is_fence = line.lstrip().startswith("```")
        fenced ^= is_fence
        # An indented line begins code only after an empty one. Otherwise it continues a list's item.
        indented = line.startswith("    ") and (indented or not before.strip())
        before = line
        if not (fenced or is_fence or indented or line.lstrip().startswith("|")):
            yield number, line


def can_be_broken(line):
    """A link or an address that is longer than a line cannot, wherever it stands."""
    return max(map(len, line.split())) < LIMIT - 8


def long_lines(path):
    lines = enumerate(path.read_text(encoding="utf-8").split("\n"), start=1)
    for number, line in prose_of(lines) if path.suffix == ".md" else lines:
        if len(line) > LIMIT and can_be_broken(line):
            yield number, len(line)


def main():
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    found = False
    for name in filter(is_checked, names):
        path = ROOT / name
        for number, columns in long_lines(path) if path.is_file() else ():
            print(f"{name}:{number}: {columns} columns, {LIMIT} are allowed")
            found = True
    return found


if __name__ == "__main__":
    sys.exit(main())
