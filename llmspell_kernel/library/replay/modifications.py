"""What a replay changes of the code that it runs."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from llmspell_kernel.errors import ScriptError

_PATH = re.compile(r"(?:cells?|runs?)?[.:\[]?\s*(\d+)\s*\]?(?:\.(code|skip))?")


class Modification(NamedTuple):
    """Other code for one run.

    Attributes:
        sequence: the run's.
        code: what runs instead; None to leave the run out.
    """

    sequence: int
    code: str | None

    @classmethod
    def parse(cls, given: Any) -> Modification | None:
        """Of `{path, value, enabled}`; None if it is not enabled.

        Paths are `3`, `cells[3]`, `cells.3.code`, with the code as value, and `cells.3.skip`, with true.

        Raises:
            ScriptError: it is none.
        """
        if not isinstance(given, dict) or not isinstance(given.get("path"), str | int):
            raise ScriptError(f"a modification is a table with path and value, got {given!r}")
        path, value = str(given["path"]), given.get("value")
        match = _PATH.fullmatch(path.strip())
        if match is None:
            raise ScriptError(f"no path {path!r}; write such as cells.3.code, or cells.3.skip")
        if not given.get("enabled", True):
            return None
        sequence, what = int(match[1]), match[2] or "code"
        if what == "skip":
            return cls(sequence, None) if value in (True, None) else None
        if not isinstance(value, str):
            got = "nothing" if value is None else repr(value)
            raise ScriptError(f"the value for {path} is the code that runs instead, a string; got {got}")
        return cls(sequence, value)
