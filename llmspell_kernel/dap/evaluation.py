"""Expressions: their values, assignments to them, and what may follow while one is typed."""

from __future__ import annotations

from typing import cast, get_args

from llmspell_kernel.dap.bodies import CompletionItem, CompletionsBody, EvaluateBody, ValueBody
from llmspell_kernel.dap.commands import Command, Commands, always
from llmspell_kernel.dap.protocol import CompletionsArguments, EvaluateArguments, SetExpressionArguments
from llmspell_kernel.dap.session import Session
from llmspell_kernel.lua.debugger.model import Context

_KINDS = {
    "class": "class",
    "field": "field",
    "function": "function",
    "instance": "variable",
    "keyword": "keyword",
    "local": "variable",
    "method": "method",
    "module": "module",
    "param": "variable",
    "property": "property",
    "statement": "keyword",
    "table": "module",
    "variable": "variable",
}
"""Jupyter's words for what is completed, and DAP's."""


def _context(session: Session, context: str | None) -> Context:
    """Why a value is wanted. Without a word, a client that steers means its console."""
    if context in get_args(Context):
        return cast(Context, context)
    return "repl" if context is None and session.steers else "watch"


def _may_change(arguments: EvaluateArguments) -> bool:
    """Whether the expression may be a statement; one without a context is then only looked at."""
    return arguments.context == "repl"


def evaluate(session: Session, arguments: EvaluateArguments) -> EvaluateBody:
    """The value of an expression; in the console also runs statements."""
    context = _context(session, arguments.context)
    frame = session.view.frame_to_ours(arguments.frame_id)
    variable = session.debugger.evaluate(arguments.expression, frame, context)
    if context == "repl":
        session.view.frames.renew_after(arguments.frame_id)
        session.tell_others_of_changes()
    return session.view.result(variable, arguments.format)


def set_expression(session: Session, arguments: SetExpressionArguments) -> ValueBody:
    """Assigns to an expression."""
    frame = session.view.frame_to_ours(arguments.frame_id)
    variable = session.debugger.set_expression(arguments.expression, arguments.value, frame)
    session.tell_others_of_changes()
    return session.view.value(variable, arguments.format)


def completions(session: Session, arguments: CompletionsArguments) -> CompletionsBody:
    """What may stand at a place of a text being typed."""
    text = arguments.text
    first = session.view.first_column
    begin = _start_of_line(text, (arguments.line or first) - first)
    column = begin + _points(text[begin:], arguments.column - first)
    found = session.debugger.complete(text, column, session.view.frame_to_ours(arguments.frame_id))
    start = _units(text[begin : max(found.start, begin)]) + first
    length = _units(text[found.start : found.end])
    return CompletionsBody(
        targets=[
            CompletionItem(
                label=match.text,
                type=_KINDS.get(match.kind),
                detail=match.signature or None,
                start=start,
                length=length,
            )
            for match in found.matches
        ]
    )


def _start_of_line(text: str, line: int) -> int:
    """Where a line (counted from 0) of a text begins; the last one if there are fewer."""
    begin = 0
    for _ in range(line):
        end = text.find("\n", begin)
        if end < 0:
            break
        begin = end + 1
    return begin


def _units(text: str) -> int:
    """The length in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def _points(text: str, units: int) -> int:
    """How many characters the first `units` UTF-16 units are."""
    count = 0
    for character in text:
        if units <= 0:
            break
        units -= 2 if character > "\uffff" else 1
        count += 1
    return count


COMMANDS: Commands = {
    "evaluate": Command(EvaluateArguments, evaluate, steers=_may_change),
    "setExpression": Command(SetExpressionArguments, set_expression, steers=always),
    "completions": Command(CompletionsArguments, completions),
}
