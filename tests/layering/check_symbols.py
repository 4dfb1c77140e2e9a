"""usage: check_symbols.py NM LAYER ALLOWED OBJECTS

Fails where the objects of LAYER need a symbol of coproc that only layers define which are not ALLOWED (separated by
semicolons). OBJECTS is a file with a line for each layer: its name and its object files, separated by semicolons."""

import subprocess
import sys


def symbols(nm, objects, option):
    done = subprocess.run(
        [nm, option, "--demangle", "--format=posix", *objects], capture_output=True, text=True, check=True
    )
    for line in done.stdout.splitlines():
        name = line.rsplit(" ", 3)[0] if option == "--defined-only" else line.rsplit(" U", 1)[0]
        if name.startswith("coproc::"):
            yield name


def main(nm, layer, allowed, list_of_objects):
    with open(list_of_objects) as file:
        objects = {name: files for name, *files in (line.split(";") for line in file.read().splitlines())}
    definers = {}
    for name, files in objects.items():
        for symbol in symbols(nm, files, "--defined-only"):
            definers.setdefault(symbol, set()).add(name)
    assert len(definers) > 1000, "nm says too little"
    wrong = []
    for symbol in symbols(nm, objects[layer], "--undefined-only"):
        by = definers.get(symbol, set())
        if by and not by & {layer, *allowed.split(";")}:
            wrong.append(f"{layer} must not need {symbol}, which is defined by {', '.join(sorted(by))}")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
