"""Which file of settings a command works on."""

from __future__ import annotations

import os
from pathlib import Path

from llmspell_kernel.cli.frame import Frame
from llmspell_kernel.config import sources

NEW_FILE = "llmspell.toml"


def file_to_change(frame: Frame, *, user: bool = False) -> Path:
    """The file that --config or LLMSPELL_CONFIG names, or the one that is found, or a new one here."""
    if user:
        return Path.home() / ".llmspell" / "config.toml"
    named = frame.config or os.environ.get(sources.FILE_VARIABLE)
    return Path(named or sources.discovered(os.environ) or NEW_FILE)
