"""Where a kernel's log goes, and how its lines look."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from pathlib import Path

from llmspell_kernel.errors import UsageError

LEVELS = {
    "off": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


class JsonLines(logging.Formatter):
    """A JSON object a line: time (UTC, ISO 8601), level, logger, message; exception where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its line break."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def write_log(logger: logging.Logger, file: str, form: str) -> None:
    """From now on a logger writes to a file, or to stderr if there is none.

    Raises:
        UsageError: the file cannot be written.
    """
    handler: logging.Handler
    if file:
        path = Path(file).expanduser()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handler = logging.FileHandler(path, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write the log {path} (logging.file): {error.strerror}") from error
    else:
        handler = logging.StreamHandler(sys.__stderr__)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else text)
    logger.handlers = [handler]
    logger.propagate = False
