"""Notebooks for the tests: Lua cells in, outputs out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

_v4: Any = nbformat.v4
_nbformat: Any = nbformat


def lua_notebook(*cells: str, kernel: str = "llmspell", parameters: str | None = None) -> Any:
    """A notebook of code cells; `parameters` comes first as a cell with papermill's tag."""
    code_cells = [_v4.new_code_cell(cell) for cell in cells]
    if parameters is not None:
        code_cells.insert(0, _v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    metadata = {
        "kernelspec": {"name": kernel, "display_name": "Lua", "language": "lua"},
        "language_info": {"name": "lua", "file_extension": ".lua", "mimetype": "text/x-lua"},
    }
    return _v4.new_notebook(cells=code_cells, metadata=metadata)


def write_notebook(file: Path, notebook: Any) -> None:
    """Validate and write as .ipynb."""
    _nbformat.validate(notebook)
    _nbformat.write(notebook, file)


def read_notebook(file: Path) -> Any:
    """Read and validate an .ipynb."""
    notebook = _nbformat.read(file, as_version=4)
    _nbformat.validate(notebook)
    return notebook


def output_text(cell: Any) -> str:
    """What a code cell shows as text: streams, results, displays and errors, in order."""
    return "".join(_text(output) for output in cell.outputs)


def mime_types(cell: Any) -> Sequence[str]:
    """The MIME types of a cell's results and displays."""
    return [mime for output in cell.outputs for mime in output.get("data", {})]


def _text(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    return str(output.data.get("text/plain", ""))
