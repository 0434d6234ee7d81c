"""Runs the real `llmspell` command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LLMSPELL = Path(sys.executable).with_name("llmspell")


def llmspell(
    *arguments: str, cwd: Path | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """The finished command, with its output as text."""
    return subprocess.run(
        [LLMSPELL, *arguments], input=stdin, capture_output=True, text=True, timeout=60, cwd=cwd
    )
