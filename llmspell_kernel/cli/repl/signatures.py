"""What the call at the cursor takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from llmspell_kernel.cli.repl.link import Link
from llmspell_kernel.errors import LLMSpellError

_ANSWER_SECONDS = 2.0
_OPENING, _CLOSING = frozenset("({["), frozenset(")}]")


class OpenCall(NamedTuple):
    """A call whose arguments are being typed.

    Attributes:
        code: up to and with its parenthesis.
        argument: which one, from 0.
    """

    code: str
    argument: int


def open_call(text: str) -> OpenCall | None:
    """The innermost call that is open at the end of a text."""
    from llmspell_kernel.lua.lexer import TokenKind, significant

    stack: list[list[int]] = []
    before = ""
    names: list[bool] = []
    for token in significant(text):
        if token.kind is TokenKind.OPERATOR and token.text in _OPENING:
            names.append(token.text == "(" and (before == "name" or before in (")", "]")))
            stack.append([token.end, 0])
        elif token.kind is TokenKind.OPERATOR and token.text in _CLOSING:
            if stack:
                stack.pop()
                names.pop()
        elif token.text == "," and stack:
            stack[-1][1] += 1
        before = "name" if token.kind is TokenKind.NAME else token.text
    if not stack or not names[-1]:
        return None
    return OpenCall(text[: stack[-1][0]], stack[-1][1])


def parts_of(signature: str, argument: int) -> Sequence[tuple[str, str]]:
    """A signature in prompt_toolkit's fragments, the argument of that number set off."""
    start, end = signature.find("("), _closing(signature)
    if start < 0 or end < 0:
        return [("class:signature", signature)]
    parameters = _split(signature[start + 1 : end])
    parts = [("class:signature", signature[: start + 1])]
    for number, text in enumerate(parameters):
        is_active = number == argument or (number == len(parameters) - 1 < argument and "..." in text)
        parts.append(("class:signature.active" if is_active else "class:signature", text.strip()))
        if number < len(parameters) - 1:
            parts.append(("class:signature", ", "))
    return [*parts, ("class:signature", signature[end:])]


def _closing(text: str) -> int:
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == ")" and depth == 0:
            return position
    return -1


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character in "({[<") - (character in ")}]>")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


class Signatures:
    """Finds signatures on a thread of its own; only the latest question counts.

    Attributes:
        parts: what to show; empty for nothing.
    """

    def __init__(self, link: Link, changed: Callable[[], None]) -> None:
        """`changed` is called, on that thread or on the caller's, when `parts` have changed."""
        self._link = link
        self._changed = changed
        self._known: dict[str, str] = {}
        self._wanted: OpenCall | None = None
        self._waiting = threading.Event()
        self._thread: threading.Thread | None = None
        self.parts: Sequence[tuple[str, str]] = ()

    def look(self, text: str) -> None:
        """The text before the cursor is this now. Does not wait."""
        call = open_call(text) if "(" in text else None
        if call == self._wanted:
            return
        self._wanted = call
        if call is None or call.code in self._known:
            self._show(call)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="llmspell-repl-help", daemon=True)
            self._thread.start()
        self._waiting.set()

    def forget(self) -> None:
        """A new input begins: what names mean may have changed."""
        self._known.clear()
        self._wanted = None
        self.parts = ()

    def _show(self, call: OpenCall | None) -> None:
        signature = self._known.get(call.code, "") if call is not None else ""
        before = self.parts
        self.parts = parts_of(signature, call.argument) if call is not None and signature else ()
        if self.parts != before:
            self._changed()

    def _serve(self) -> None:
        while True:
            self._waiting.wait()
            self._waiting.clear()
            call = self._wanted
            if call is not None:
                self._known[call.code] = self._ask(call.code)
                if self._wanted is not None:
                    self._show(self._wanted)

    def _ask(self, code: str) -> str:
        client = self._link.ready
        if client is None:
            return ""
        try:
            found = client.inspect(code, timeout=_ANSWER_SECONDS)
        except LLMSpellError:  # busy, or gone
            return ""
        text = str((found.get("data") or {}).get("text/plain", ""))
        first = text.partition("\n")[0]
        return first if "(" in first else ""
