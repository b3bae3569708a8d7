"""The processes that the servers of these tests offer, one for each way to be visible."""

from pathlib import Path

import nbformat

ACCESS = {
    "echo_text": None,
    "open_to_all": "public",
    "nobodys": "private",
    "of_a_group": {"groups": ["/amt-62"]},
    "of_a_user": {"users": ["edda"]},
}
"""Process → what its front matter says of ``access``."""


def write_notebooks(folder: Path) -> None:
    """Write a notebook for each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, access in ACCESS.items():
        lines = ["---", "process:", f"  id: {name}"]
        lines += [f"  access: {access}".replace("'", "")] if access else []
        notebook = nbformat.v4.new_notebook(
            cells=[
                nbformat.v4.new_raw_cell("\n".join([*lines, "---"])),
                nbformat.v4.new_code_cell('word: str = "word"', metadata={"tags": ["parameters"]}),
                nbformat.v4.new_code_cell("from nbprocessor import kit"),
                nbformat.v4.new_code_cell('kit.output("echo", word)'),
            ]
        )
        nbformat.write(notebook, folder / f"{name}.ipynb")


def write_slow(folder: Path) -> None:
    """Write a notebook whose run outlasts every token of these tests."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = [
        nbformat.v4.new_raw_cell("---\nprocess:\n  id: slow\n---"),
        nbformat.v4.new_code_cell("import time\nfor _ in range(900):\n    time.sleep(0.2)"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "slow.ipynb")
