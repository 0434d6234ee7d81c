"""`llmspell --help` at once: the page as `make docs` wrote it, without the parser that it comes from."""

from __future__ import annotations

import os
import sys

WIDTH = 80
"""Columns that the page needs; in a narrower terminal it is made anew."""

PAGE = os.path.join(os.path.dirname(__file__), "help.txt")


def show_help() -> int | None:
    """Writes the page; the exit status, or None where it would not fit."""
    if sys.stdout is None or _columns() < WIDTH:
        return None
    try:
        with open(PAGE, "rb") as file:
            page = file.read()
    except OSError:
        return None
    try:
        os.write(1, page)
    except BrokenPipeError:
        return 141
    except OSError as problem:
        from llmspell_kernel.cli.messages import complain, unexpected

        complain(unexpected(problem))
        return 1
    return 0


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(1).columns or WIDTH
    except OSError:
        return WIDTH
