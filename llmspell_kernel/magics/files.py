"""Files: writing them, running them, and where relative paths start."""

from __future__ import annotations

from pathlib import Path

from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call, os_failure

GROUP = "Files and folders"


@magic("%%writefile [-a] FILE", group=GROUP, takes="file")
def writefile(call: Call) -> Outcome | None:
    """Writes the rest of the cell to a file; with `-a`, adds it to the file's end."""
    path = Path(call.values[0]).expanduser()
    append = call.arguments.flag("a")
    verb = "Appending to" if append else "Overwriting" if path.exists() else "Writing"
    text = call.body if call.body.endswith("\n") or not call.body else call.body + "\n"
    try:
        with path.open("ab" if append else "wb") as file:
            file.write(text.encode(errors="surrogateescape"))
    except OSError as error:
        raise os_failure(f"cannot write {path}", error) from error
    call.write(f"{verb} {path}\n")
    return None
