"""Running a Lua file as a script: no cell, no kept locals, arguments in `...` and `arg`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from llmspell_kernel.errors import UsageError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.lua.interpreter import LuaInterpreter
from llmspell_kernel.lua.syntax_hints import explained


def run_script(lua: LuaInterpreter, file: str, arguments: Sequence[str] = ()) -> Outcome:
    """Runs a file to its end; what it returns is dropped. In messages it is called as `file` says.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        code = Path(file).read_text("utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    scripts = lua.state.prelude("scripts")
    main, problem = scripts[b"load"](os.fsencode(file))
    if main is None:
        message = problem.decode(errors="backslashreplace")
        return Outcome(error=lua.tracebacks.syntax_error(*explained(message, code)))
    words = [os.fsencode(word) for word in (file, *arguments)]
    table = lua.state.runtime.table_from(dict(enumerate(words)))
    table[b"n"] = len(arguments)
    run = scripts[b"with_arguments"](main, table)

    def body() -> Outcome:
        lua.run_main(run)
        return Outcome()

    return lua.guard(body)
