"""Writes the notebook of the seed document:  notebook.py > examples/python/introduction.ipynb"""

import sys

import document
import nbformat


def notebook():
    cells = []
    for number, (kind, part) in enumerate(document.parts(document.DOCUMENT.read_text())):
        if kind == "code":
            cells.append(nbformat.v4.new_code_cell(part.code.rstrip("\n"), id=f"cell{number}"))
        elif part.strip():
            cells.append(nbformat.v4.new_markdown_cell(part.strip(), id=f"cell{number}"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


if __name__ == "__main__":
    nbformat.write(notebook(), sys.stdout)
