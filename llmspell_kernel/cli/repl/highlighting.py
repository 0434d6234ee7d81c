"""Lua in colours while it is typed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from prompt_toolkit.lexers import Lexer, SimpleLexer
from prompt_toolkit.styles import BaseStyle, Style, merge_styles

if TYPE_CHECKING:
    from prompt_toolkit.document import Document
    from prompt_toolkit.formatted_text import StyleAndTextTuples

OWN = {
    "prompt": "ansigreen",
    "continuation": "ansibrightblack",
    "auto-suggestion": "ansibrightblack",
    "bottom-toolbar": "noreverse",
    "signature": "noinherit",
    "signature.active": "bold underline",
    "command": "ansimagenta",
    "completion-menu": "bg:ansibrightblack fg:ansiwhite",
    "completion-menu.completion.current": "bg:ansiblue fg:ansiwhite noreverse",
    "completion-menu.meta.completion": "bg:ansibrightblack fg:ansiwhite",
    "completion-menu.meta.completion.current": "bg:ansiblue fg:ansiwhite",
}
"""The prompt's own parts."""

_TERMINAL = {
    "pygments.keyword": "ansimagenta",
    "pygments.keyword.constant": "ansimagenta",
    "pygments.literal.string": "ansigreen",
    "pygments.literal.number": "ansicyan",
    "pygments.name.builtin": "ansiblue",
    "pygments.name.function": "ansiblue",
    "pygments.comment": "ansibrightblack italic",
}
"""Code in the terminal's own sixteen colours, which can be read on light and on dark."""


class LuaHighlighting(Lexer):
    """Plain until Pygments is there, which `load` sees to: the first prompt need not wait for it."""

    def __init__(self) -> None:
        self._plain, self._command = SimpleLexer(), SimpleLexer("class:command")
        self._lua: Lexer | None = None

    def load(self, then: Callable[[], None]) -> None:
        """Imports Pygments on a thread of its own, and calls back there."""
        threading.Thread(target=self._load, args=(then,), name="llmspell-repl-colours", daemon=True).start()

    def _load(self, then: Callable[[], None]) -> None:
        from prompt_toolkit.lexers import PygmentsLexer
        from pygments.lexers.scripting import LuaLexer

        self._lua = PygmentsLexer(LuaLexer)
        then()

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """The styles of each line."""
        lexer = self._command if document.text.startswith((".", "%", "!")) else self._lua
        return (lexer or self._plain).lex_document(document)

    def invalidation_hash(self) -> bool:
        """Changes when Pygments has come."""
        return self._lua is not None


def style_of(name: str, *, colours: bool) -> BaseStyle:
    """The prompt's style with that of Pygments for code."""
    if not colours:
        return Style([("bottom-toolbar", "noreverse"), ("signature.active", "bold")])
    if name == "default":
        return Style.from_dict({**OWN, **_TERMINAL})
    from prompt_toolkit.styles import style_from_pygments_cls
    from pygments.styles import get_style_by_name
    from pygments.util import ClassNotFound

    try:
        found = style_from_pygments_cls(get_style_by_name(name))
    except ClassNotFound:
        return style_of("default", colours=True)
    return merge_styles([found, Style.from_dict(OWN)])
