"""What the tools say and do where the libraries of the extra are not installed."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

import pytest

from llmspell_kernel.library.tool.builtin import BUILTIN

BLOCKED = (
    "jq", "PIL", "av", "pypdf", "polars", "jinja2", "networkx", "regex", "dateutil", "pybtex", "citeproc",
    "yaml", "jsonschema", "xlsxwriter",
)  # fmt: skip

PROGRAM = """
import json, sys, tempfile
from pathlib import Path
for name in %r:
    sys.modules[name] = None
import msgspec
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.errors import LLMSpellError
from llmspell_kernel.library.tool.entries import ClassEntry
from llmspell_kernel.library.tool.registry import Registry
from llmspell_kernel.library.tool.surroundings import Surroundings

folder = Path(tempfile.mkdtemp())
(folder / "file").write_bytes(b"x")
said = {}
for key, (tool, params) in json.load(sys.stdin).items():
    params = {name: str(folder / "file") if value == "FILE" else value for name, value in params.items()}
    entry = Registry().get(tool)
    checked, given = entry.check(params)
    try:
        entry.run(given, Surroundings(Settings(), tool))
        said[key] = "works"
    except LLMSpellError as error:
        said[key] = f"{type(error).__name__}: {error}"
(folder / "file").unlink()
folder.rmdir()
print(json.dumps(said))
"""

LACKING = {
    "jq": ("json-processor", {"input": 1}),
    "jsonschema": ("json-processor", {"operation": "validate", "input": 1, "schema": {}}),
    "Pillow": ("image-processor", {"operation": "metadata", "file_path": "FILE"}),
    "PyAV": ("audio-processor", {"operation": "metadata", "file_path": "FILE"}),
    "pypdf": ("pdf-processor", {"input": "FILE"}),
    "polars": ("csv-analyzer", {"input": "a\n1\n"}),
    "jinja2": ("template-creator", {"input": "x", "engine": "tera"}),
    "networkx": ("graph-builder", {"operation": "analyze"}),
    "regex": ("data-validator", {"input": "x", "rules": [{"type": "pattern", "regex": "x"}]}),
    "python-dateutil": ("datetime-handler", {"input": "March 5, 2024"}),
    "pybtex": ("citation-formatter", {"input": "a: {title: x}"}),
}
WORKING = {
    "text": ("text-manipulator", {"operation": "trim", "input": " x "}),
    "formula": ("calculator", {"input": "1"}),
    "hash": ("hash-calculator", {"operation": "hash", "input": "x"}),
    "base64": ("base64-encoder", {"operation": "encode", "input": "x"}),
    "uuid": ("uuid-generator", {}),
    "diff": ("diff-calculator", {"old_text": "a", "new_text": "b"}),
    "date": ("datetime-handler", {"input": "2024-01-01"}),
    "handlebars": ("template-creator", {"input": "{{x}}", "engine": "handlebars"}),
    "rules": ("data-validator", {"input": 1, "rules": [{"type": "range", "min": 0}]}),
    "graph": ("graph-builder", {}),
    "styles": ("citation-formatter", {"operation": "list_styles"}),
    "picture": ("image-processor", {"operation": "detect", "file_path": "FILE"}),
}


@cache
def told() -> dict[str, str]:
    """What each call comes to, in a fresh process without the libraries."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % (BLOCKED,)],
        input=json.dumps(LACKING | WORKING),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("library", LACKING)
def test_what_is_lacking_is_told(library: str) -> None:
    assert told()[library] == (
        f"MissingExtraError: {LACKING[library][0]} needs {library}: pip install 'llmspell-kernel[tools]'"
    )


@pytest.mark.parametrize("name", WORKING)
def test_what_needs_no_library_works(name: str) -> None:
    assert told()[name] == "works"


def test_these_are_tools() -> None:
    assert {tool for tool, _ in (LACKING | WORKING).values()} <= set(BUILTIN)
