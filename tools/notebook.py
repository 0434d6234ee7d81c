"""`python -m tools.notebook FILE`: execute a notebook and show each cell in the terminal as it finishes."""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

CELL_SECONDS = 60
"""How long a cell may run."""

LOOK_SECONDS = 0.25
"""How long a reply may lie there unseen."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

Cell = Any


class Report:
    """Writes what a notebook does to a terminal, or without colours to anything else."""

    def __init__(self, cells: Sequence[Cell], *, colour: bool) -> None:
        """`cells` are all cells of the notebook, in order."""
        self._code = [cell for cell in cells if cell.cell_type == "code"]
        self._cells = cells
        self._colour = colour
        self._started = 0.0

    def start(self, cell: Cell, cell_index: int) -> None:
        """The headings above the cell, its place and its source."""
        for before in _texts_before(self._cells, cell_index):
            for line in before.splitlines():
                if line.startswith("#"):
                    self._print(f"\n{line.lstrip('# ')}", "1")
        place = self._code.index(cell) + 1
        self._print(f"\n[{place}/{len(self._code)}]", "36")
        for line in cell.source.splitlines():
            self._print(f"    {line}", "2")
        sys.stdout.flush()
        self._started = time.monotonic()

    def finish(self, cell: Cell, reply: Any) -> None:
        """The outputs of the cell, the help it asked for and the seconds it took."""
        seconds = time.monotonic() - self._started
        for output in cell.outputs:
            print(self._text(output).rstrip("\n"))
        for page in reply["content"].get("payload", ()):
            print(page.get("data", {}).get("text/plain", "").rstrip("\n"))
        if seconds >= 1:
            self._print(f"({seconds:.1f} s)", "2")
        sys.stdout.flush()

    def _text(self, output: Any) -> str:
        if output.output_type == "stream":
            return str(output.text)
        if output.output_type == "error":
            text = "\n".join(output.traceback)
            return text if self._colour else _plain(text)
        data = output.data
        others = [mime for mime in data if mime != "text/plain"]
        note = f"  (also as {', '.join(others)})" if others else ""
        return f"{data.get('text/plain', '').rstrip()}{self._styled(note, '2')}"

    def _print(self, text: str, style: str) -> None:
        print(self._styled(text, style))

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._colour and text else text


class Client(NotebookClient):
    """An nbclient that looks again for replies which it has missed.

    nbclient sends the state of Output widgets on the socket on which it waits for the reply; a reply that
    arrives at that moment is only seen by the next look, which would be when the cell's time is over.
    """

    def __init__(self, notebook: Any, folder: Path, **options: Any) -> None:
        """Cells run in `folder`; options are nbclient's."""
        options.setdefault("timeout", CELL_SECONDS)
        super().__init__(
            notebook,
            resources={"metadata": {"path": str(folder)}},
            on_notebook_start=self._look_often,
            **options,
        )

    def _look_often(self, **_: Any) -> None:
        channel = self.kc.shell_channel
        look = channel.get_msg

        async def get_msg(timeout: float | None = None) -> Any:
            end = time.monotonic() + (math.inf if timeout is None else timeout)
            while (left := end - time.monotonic()) > LOOK_SECONDS:
                with suppress(Empty):
                    return await look(timeout=LOOK_SECONDS)
            return await look(timeout=max(left, 0))

        channel.get_msg = get_msg


def run(file: Path, output: Path, *, colour: bool) -> int:
    """Executes `file` in its own folder, writes the executed copy to `output`; the exit code."""
    notebook: Any = nbformat.read(file, as_version=4)
    report = Report(notebook.cells, colour=colour)
    client = Client(
        notebook,
        file.parent,
        on_cell_execute=report.start,
        on_cell_executed=lambda cell, cell_index, execute_reply: report.finish(cell, execute_reply),
    )
    started = time.monotonic()
    failure = ""
    try:
        client.execute()
    except CellExecutionError as error:
        failure = f"the cell raised {error.ename}: {error.evalue}"
    except (DeadKernelError, TimeoutError) as error:
        failure = str(error)
    output.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, output)
    if failure:
        print(f"\n{file} stopped: {failure}", file=sys.stderr)
        return 1
    count = sum(cell.cell_type == "code" for cell in notebook.cells)
    print(f"\n{count} cells in {time.monotonic() - started:.1f} s; executed copy: {output}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebook", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--output", type=Path, required=True, help="where the executed copy goes")
    options = parser.parse_args(arguments)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return run(options.file, options.output, colour=colour)


def _texts_before(cells: Sequence[Cell], index: int) -> Iterator[str]:
    """The Markdown cells between the code cell at `index` and the one before it."""
    first = index
    while first > 0 and cells[first - 1].cell_type == "markdown":
        first -= 1
    for cell in cells[first:index]:
        yield cell.source


def _plain(text: str) -> str:
    return _COLOURS.sub("", text)


if __name__ == "__main__":
    sys.exit(main())
