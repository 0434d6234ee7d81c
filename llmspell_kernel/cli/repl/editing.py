"""The keys of the prompt, besides those of Emacs or vi."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from prompt_toolkit.application.current import get_app
from prompt_toolkit.completion import get_common_complete_suffix
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_completions, has_focus, has_selection, is_searching
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.search import accept_search

from llmspell_kernel.cli.repl.lines import is_word

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.key_binding import KeyPressEvent

    from llmspell_kernel.cli.repl.completion import ReplCompleter

INDENT = 4

IsComplete = Callable[[str], tuple[bool, str]]
"""Whether Enter should run the code, and the indentation of the next line if not."""

_CLOSING = re.compile(r"( +)(?:end|else|elseif|until|\}|\))")
_MEMBER = re.compile(r"[\w\])\"'][.:]\w*\Z")


class Editing:
    """What Enter, Tab and closing words do; used on prompt_toolkit's thread, the main one."""

    def __init__(self, is_complete: IsComplete, completer: ReplCompleter) -> None:
        self._is_complete = is_complete
        self._completer = completer
        self._indented: dict[int, int] = {}
        self.bindings = self._bindings()

    def attach(self, buffer: Buffer) -> None:
        """Looks at what is typed there."""
        buffer.on_text_insert += self._inserted

    def begin(self) -> None:
        """A new input begins."""
        self._indented.clear()

    def _bindings(self) -> KeyBindings:
        keys = KeyBindings()
        typing = has_focus(DEFAULT_BUFFER)
        at_margin = Condition(
            lambda: not get_app().current_buffer.document.current_line_before_cursor.strip()
        )

        @keys.add("enter", filter=typing & ~has_selection)
        def _(event: KeyPressEvent) -> None:
            self._enter(event.current_buffer)

        @keys.add("enter", filter=is_searching)
        def _(event: KeyPressEvent) -> None:
            accept_search()
            buffer = event.app.current_buffer
            buffer.cursor_position = len(buffer.text)  # so that Enter runs what was found

        @keys.add("escape", "enter", filter=typing)
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.newline()

        @keys.add("tab", filter=typing & at_margin)
        def _(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            column = buffer.document.cursor_position_col
            buffer.insert_text(" " * (INDENT - column % INDENT))

        @keys.add("tab", filter=typing & ~at_margin)
        def _(event: KeyPressEvent) -> None:
            self._tab(event.current_buffer)

        @keys.add("s-tab", filter=typing & at_margin & ~has_completions)
        @keys.add("backspace", filter=typing & at_margin & Condition(_is_indented))
        def _(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            column = buffer.document.cursor_position_col
            buffer.delete_before_cursor((column - 1) % INDENT + 1 if column else 0)

        return keys

    def _enter(self, buffer: Buffer) -> None:
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None  # the candidate is taken
            return
        document = buffer.document
        text = document.text
        if is_word(text.strip()) or not text.strip():
            buffer.validate_and_handle()
            return
        if not document.text_after_cursor.strip() or "\n" not in text:
            complete, _ = self._is_complete(text)
            if complete:
                buffer.validate_and_handle()
                return
        _, indent = self._is_complete(document.text_before_cursor)
        row = document.cursor_position_row + 1
        buffer.insert_text(f"\n{indent}")
        self._indented[row] = len(indent)

    def _tab(self, buffer: Buffer) -> None:
        """Completes as far as it is clear at once; then the candidates are gone through."""
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_next()
            return
        document = buffer.document
        found = self._completer.now(document)
        suffix = get_common_complete_suffix(document, found) if len(found) > 1 else ""
        if len(found) == 1:
            buffer.apply_completion(found[0])
        elif suffix:
            buffer.insert_text(suffix)
        elif buffer.complete_state:
            buffer.complete_next()
        else:
            buffer.start_completion(select_first=False)

    def _inserted(self, buffer: Buffer) -> None:
        document = buffer.document
        line, column = document.current_line, document.cursor_position_col
        closing = _CLOSING.fullmatch(line) if column == len(line) else None
        row = document.cursor_position_row
        if closing and self._indented.get(row) == len(closing[1]) and len(closing[1]) >= INDENT:
            del self._indented[row]  # only once: the user may want it otherwise
            word = line.strip()
            buffer.delete_before_cursor(len(word) + INDENT)
            buffer.insert_text(word, fire_event=False)
        elif _MEMBER.search(line[:column]):
            buffer.start_completion(select_first=False)


def _is_indented() -> bool:
    """Whether there is a margin of blanks alone: pasted lines may have tabs."""
    before = get_app().current_buffer.document.current_line_before_cursor
    return len(before) > 1 and "\t" not in before
