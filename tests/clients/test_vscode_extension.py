"""The parts of the Visual Studio Code extension that need no editor, by node's own test runner."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from llmspell_kernel import __version__
from llmspell_kernel.kernel.kernelspecs import KERNEL_NAMES

EXTENSION = Path(__file__).parents[2] / "editors" / "vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text())


@pytest.mark.parametrize("file", sorted((EXTENSION / "test").glob("*.test.js")), ids=lambda file: file.name)
def test_tests_of_the_extension_pass(file: Path) -> None:
    node = shutil.which("node")
    assert node, "this test needs Node.js: apt-get install nodejs"
    done = subprocess.run([node, "--test", str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_extension_has_the_version_of_the_package() -> None:
    assert MANIFEST["version"] == __version__


def test_the_extension_offers_the_languages_of_the_package() -> None:
    (debugger,) = MANIFEST["contributes"]["debuggers"]
    language = debugger["configurationAttributes"]["launch"]["properties"]["language"]
    assert language["enum"] == list(KERNEL_NAMES)
