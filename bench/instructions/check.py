#!/usr/bin/python3
"""Counts the instructions of one send and receive of each shape under callgrind, and compares with budget.json.

    check.py PROGRAM BUDGET            fails if a shape takes over 5 % more than its budget, or over 15 % less
    check.py PROGRAM BUDGET --update   writes the counts as the new budget
"""

import json
import re
import subprocess
import sys

MARGIN = 0.05
GAIN = 0.15  # a budget that is far too generous no longer guards anything
FEW, MANY = 3200, 6400  # the difference leaves out the start, and what a warm-up allocates


class Failed(Exception):
    pass


def count(program: str, shape: str, repeats: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, shape, str(repeats)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or collected is None:
        raise Failed(f"{' '.join(command)} failed with code {run.returncode}:\n{run.stderr}")
    return int(collected.group(1))


def shapes_of(program: str) -> list[str]:
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()


def instructions_of(program: str, shape: str) -> int:
    """Return the instructions of one send and receive of this shape."""
    return round((count(program, shape, MANY) - count(program, shape, FEW)) / (MANY - FEW))


def main() -> None:
    program, budget_file = sys.argv[1:3]
    counted = {shape: instructions_of(program, shape) for shape in shapes_of(program)}
    if "--update" in sys.argv:
        with open(budget_file, "w", encoding="utf-8") as file:
            json.dump(counted, file, indent=2)
            file.write("\n")
    with open(budget_file, encoding="utf-8") as file:
        budget = json.load(file)
    bad = sorted(set(budget) ^ set(counted))
    for shape in bad:
        print(f"{shape}: is only in {'the budget' if shape in budget else 'the program'}")
    for shape, instructions in counted.items():
        allowed = budget.get(shape, instructions)
        verdict = "ok"
        if instructions > allowed * (1 + MARGIN):
            verdict = "OVER THE BUDGET: make it cheaper, or say in the commit why not and run check.py with --update"
        elif instructions < allowed * (1 - GAIN):
            verdict = "FAR BELOW THE BUDGET: well done; run check.py with --update so that it stays so"
        if verdict != "ok":
            bad.append(shape)
        print(f"{shape:28} {instructions:6} instructions, budget {allowed:6}  {verdict}")
    if bad:
        sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(str(failure))
