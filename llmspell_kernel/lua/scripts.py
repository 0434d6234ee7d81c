"""Running the text of a script: no cell, no kept locals, arguments in `...`, `arg` and `ARGS`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from llmspell_kernel.errors import LuaSyntaxError, ScriptError
from llmspell_kernel.interpreter import MimeBundle, Outcome, Script
from llmspell_kernel.lua.binding import LuaFunction, LuaTable
from llmspell_kernel.lua.interpreter import LuaInterpreter

_MARK = b"\xef\xbb\xbf"


def run_script(lua: LuaInterpreter, source: str | bytes, script: Script, *, stays: bool = False) -> Outcome:
    """Runs a script to its end; never raises. In messages it goes by its name, with the text's own lines.

    The result is what it returns: as text and, where JSON can say it, as `application/json` (several values
    as a list). What it gives to os.exit is in the payload, `{"source": "exit", "code": n}`, and any code but
    0 is an error called `Exit` too. With `stays`, `require` and `dofile` look in the script's directory also
    when it has ended.
    """
    text = source if isinstance(source, str) else source.decode(errors="surrogateescape")
    lua.sources[script.name] = text.removeprefix("\ufeff")
    scripts = lua.state.late_prelude("scripts")
    try:
        main = lua.compiler.compile(text, script.name) if script.is_cell else compiled(lua, text, script.name)
    except LuaSyntaxError as error:
        return Outcome(error=lua.tracebacks.syntax_error(str(error), error.hint))
    run = scripts[b"with_arguments"](main, *_arguments(lua, script))
    leave = entered(lua, script)
    on_exit, lua.on_exit = lua.on_exit, lambda exit_code: exited(lua, exit_code)

    def body() -> Outcome:
        packed = lua.run_main(run)
        return Outcome() if packed is None else Outcome(result=script_result(lua, packed))

    try:
        return lua.guard(body)
    finally:
        lua.on_exit = on_exit
        if not stays:
            leave()


def entered(lua: LuaInterpreter, script: Script) -> Callable[[], None]:
    """From now on `require` and `dofile` look beside the script, and messages speak of one.

    Answers what makes it as it was before.
    """
    look_beside = lua.state.late_prelude("scripts")[b"look_beside"]
    before = look_beside(os.fsencode(script.directory) if script.directory else None)
    unit, lua.unit = lua.unit, "script"

    def leave() -> None:
        lua.unit = unit
        look_beside(before)

    return leave


def compiled(lua: LuaInterpreter, source: str | bytes, name: str) -> LuaFunction:
    """The main chunk of a script.

    Raises:
        LuaSyntaxError: Lua refuses it.
    """
    code = source.encode(errors="surrogateescape") if isinstance(source, str) else source
    loaded = lua.state.late_prelude("scripts")[b"load"](_without_head(code), os.fsencode(name))
    if not isinstance(loaded, tuple):
        return loaded
    from llmspell_kernel.lua.syntax_hints import explained

    message = loaded[1].decode(errors="backslashreplace")
    raise LuaSyntaxError(*explained(message, code.decode(errors="surrogateescape")))


def _without_head(code: bytes) -> bytes:
    """Code without a byte order mark, and with an empty line for a first one with #, as Lua loads files."""
    code = code.removeprefix(_MARK)
    if not code.startswith(b"#"):
        return code
    end = code.find(b"\n")
    return code[end:] if end >= 0 else b""


def parsed_arguments(script: Script) -> dict[int | str, str]:
    """What `ARGS` holds.

    The script's name under 0 and "0", each plain argument under its number, as a number and as text; of
    `--name value`, `--name=value` and `--name` (that is "true") the value under the name. Behind `--` all are
    plain.
    """
    named: dict[int | str, str] = {}
    plain = [script.name]
    words = list(script.arguments)
    while words:
        word = words.pop(0)
        if word == "--":
            plain += words
            break
        if not word.startswith("--"):
            plain.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if not equals:
            value = words.pop(0) if words and not words[0].startswith("--") else "true"
        named[name] = value
    for number, word in enumerate(plain):
        named[number] = named[str(number)] = word
    return named


def _arguments(lua: LuaInterpreter, script: Script) -> tuple[LuaTable, LuaTable]:
    make = lua.state.runtime.table_from
    words: dict[Any, Any] = {
        number: os.fsencode(word) for number, word in enumerate((script.name, *script.arguments))
    }
    parsed: dict[Any, bytes] = {
        key if isinstance(key, int) else os.fsencode(key): os.fsencode(value)
        for key, value in parsed_arguments(script).items()
    }
    return make({**words, b"n": len(script.arguments)}), make(parsed)


def script_result(lua: LuaInterpreter, packed: LuaTable) -> MimeBundle | None:
    """What a script has returned, `{n = count, ...}`, as its result; None for nothing to show."""
    shown = lua.formatter.format_results(packed)
    count = int(packed[b"n"])
    try:
        values = [lua.formatter.to_python(packed[index]) for index in range(1, count + 1)]
    except ScriptError:
        return shown if shown.data else None
    return MimeBundle({"application/json": values[0] if count == 1 else values} | shown.data, shown.metadata)


def exited(lua: LuaInterpreter, code: int) -> Outcome:
    """What a script has come to that has called os.exit."""
    payload = ({"source": "exit", "code": code},)
    if code == 0:
        return Outcome(payload=payload)
    return Outcome(error=lua.tracebacks.report("Exit", f"os.exit({code})", []), payload=payload)
