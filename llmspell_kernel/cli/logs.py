"""`--trace`: what the program logs goes to stderr."""

from __future__ import annotations

import logging
import sys

TRACE = 5
"""The level below debug."""

_LEVELS = {
    "off": logging.CRITICAL + 1,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE,
}


def log_to_stderr(level: str) -> None:
    """Has what is logged at a level of `--trace` or above shown on stderr; the last call counts."""
    logging.addLevelName(TRACE, "TRACE")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=_LEVELS[level], handlers=[handler], force=True)
