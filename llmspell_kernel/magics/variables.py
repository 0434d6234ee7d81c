"""The user's variables: globals, and locals of earlier cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llmspell_kernel.errors import MagicError, StdinUnavailableError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.lua.display import DisplayLimits
from llmspell_kernel.lua.values import decode
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call, Session

GROUP = "Variables"
PREVIEW = 60
_LIMITS = DisplayLimits(depth=2, length=10, width=10_000, string_length=2 * PREVIEW, bytes=20 * PREVIEW)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable as `%whos` shows it; `scope` is local or global."""

    name: str
    scope: str
    kind: str
    size: int | None
    packed: Any


def variables(session: Session) -> Iterator[Variable]:
    """The user's variables by name."""
    rows = session.variables[b"list"]()
    for index in range(1, len(rows) + 1):
        row = rows[index]
        yield Variable(
            decode(row[b"name"]), decode(row[b"scope"]), decode(row[b"kind"]), row[b"size"], row[b"packed"]
        )


def _wanted(call: Call) -> list[Variable]:
    found = [each for each in variables(call.session) if not call.values or each.kind in call.values]
    if not found:
        kinds = f" of type {' or '.join(call.values)}" if call.values else ""
        call.write(f"There are no variables of yours{kinds}.\n")
    return found


@magic("%who [TYPE ...]", group=GROUP, takes="type")
def who(call: Call) -> Outcome | None:
    """Lists the names of your variables, if you like only those of some types: `%who table function`."""
    if found := _wanted(call):
        call.write("  ".join(each.name for each in found) + "\n")
    return None


@magic("%whos [TYPE ...]", group=GROUP, takes="type")
def whos(call: Call) -> Outcome | None:
    """Lists your variables with type, size and the beginning of their values.

    The size is in bytes for strings and in entries for tables. Locals of earlier cells are marked.
    """
    found = _wanted(call)
    if not found:
        return None
    rows: list[tuple[str, ...]] = [("Variable", "Scope", "Type", "Size", "Value")]
    for each, preview in zip(found, previews(call.session, found), strict=True):
        size = "" if each.size is None else f"{each.size:,}"
        rows.append((each.name, each.scope, each.kind, size, preview))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    rows.insert(1, tuple("-" * width for width in (*widths, 5)))
    for row in rows:
        cells = [
            f"{text:{'>' if column == 3 else '<'}{width}}"
            for column, (text, width) in enumerate(zip(row, widths, strict=False))
        ]
        call.write("  ".join([*cells, row[4]]).rstrip() + "\n")
    return None


def previews(session: Session, found: list[Variable]) -> list[str]:
    """The beginning of each value on one line."""
    formatter = session.lua.formatter
    limits = formatter.limits
    formatter.limits = _LIMITS
    try:
        texts = [str(formatter.format_results(each.packed).data.get("text/plain", "")) for each in found]
    finally:
        formatter.limits = limits
    lines = [" ".join(text.split()) for text in texts]
    return [line if len(line) <= PREVIEW else line[: PREVIEW - 3] + "..." for line in lines]


@magic("%reset [-f] [-s]", group=GROUP)
def reset(call: Call) -> Outcome | None:
    """Deletes all your variables, `In`, `Out` and `_`, after asking.

    `-f` does not ask; `-s` keeps `In`, `Out` and `_`. Changed globals of the standard library and the kernel
    stay changed.
    """
    if not call.arguments.flag("f") and not _confirmed(call):
        call.write("Nothing was deleted.\n")
        return None
    session = call.session
    session.variables[b"clear"]()
    session.lua.compiler.forget()
    if not call.arguments.flag("s"):
        session.lua.state.cells[b"forget_history"]()
    session.lua.state.collect_garbage()
    return None


def _confirmed(call: Call) -> bool:
    prompt = "Once deleted, variables cannot be recovered. Delete them (y/[n])? "
    try:
        answer = call.session.lua.frontend.read_line(prompt, password=False)
    except StdinUnavailableError as error:
        raise MagicError("this front end cannot be asked for confirmation; %reset -f does not ask") from error
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")
