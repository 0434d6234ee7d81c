"""The prompt of a terminal: editing, colours, completion, history."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory, DummyAutoSuggest, DynamicAutoSuggest
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.layout.processors import TabsProcessor
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import BaseStyle, DynamicStyle

from llmspell_kernel.cli.repl.completion import ReplCompleter
from llmspell_kernel.cli.repl.editing import INDENT, Editing
from llmspell_kernel.cli.repl.highlighting import LuaHighlighting, style_of
from llmspell_kernel.cli.repl.signatures import Signatures

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer

    from llmspell_kernel.cli.repl.session import Session

_MENU_ROWS = 6


class _FileHistory(History):
    """The history file for prompt_toolkit."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._session.history.entries)

    def store_string(self, string: str) -> None:
        self._session.history.append(string)


class Prompt:
    """Reads inputs; on the main thread."""

    def __init__(self, session: Session, *, shown: Callable[[], None]) -> None:
        """`shown` is called when the first prompt stands on the screen."""
        self._session = session
        self._shown: Callable[[], None] | None = shown
        self._completer = ReplCompleter(session.link)
        self._editing = Editing(session.is_complete, self._completer)
        self._lexer = LuaHighlighting()
        self._signatures = Signatures(session.link, self._refresh)
        self._style: BaseStyle = style_of("default", colours=session.screen.colours)
        self._depth = None if session.screen.colours else ColorDepth.DEPTH_1_BIT
        self._prompt = self._make()
        self._input: PromptSession[str] | None = None
        session.screen.above = self._above
        session.link.failed = self._fail
        session.settings.on_change = self._changed
        if session.options.color_style != "default":
            self._changed("color_style")

    def _make(self) -> PromptSession[str]:
        session = self._session
        suggest, nothing = AutoSuggestFromHistory(), DummyAutoSuggest()
        prompt: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            prompt_continuation=self._continuation,
            lexer=self._lexer,
            completer=self._completer,
            complete_in_thread=True,
            complete_while_typing=False,
            complete_style=CompleteStyle.COLUMN,
            reserve_space_for_menu=_MENU_ROWS,
            auto_suggest=DynamicAutoSuggest(lambda: suggest if session.settings.suggestions else nothing),
            history=_FileHistory(session),
            enable_history_search=True,
            search_ignore_case=True,
            enable_open_in_editor=True,
            enable_suspend=True,
            tempfile_suffix=".lua",
            input_processors=[TabsProcessor(tabstop=INDENT, char1=" ", char2=" ")],
            key_bindings=self._editing.bindings,
            style=DynamicStyle(lambda: self._style),
            include_default_pygments_style=False,
            color_depth=self._depth,
        )
        prompt.app.renderer.cpr_not_supported_callback = None  # what it would say helps nobody
        prompt.app.ttimeoutlen = 0.05
        self._editing.attach(prompt.default_buffer)
        prompt.default_buffer.on_text_changed += self._look
        prompt.default_buffer.on_cursor_position_changed += self._look
        prompt.app.after_render += lambda _: self._note_shown()
        return prompt

    def read(self, default: str) -> str:
        """The next input, which begins with `default`.

        Raises:
            EOFError: Ctrl-D.
            KeyboardInterrupt: Ctrl-C.
            LLMSpellError: there is no kernel to begin with.
        """
        self._editing.begin()
        self._signatures.forget()
        self._prompt.bottom_toolbar = None
        return self._prompt.prompt(default=default)

    def read_input(self, prompt: str, password: bool) -> str:
        """A line that running code asks for.

        Raises:
            EOFError: Ctrl-D.
            KeyboardInterrupt: Ctrl-C.
        """
        if self._input is None:
            self._input = PromptSession(color_depth=self._depth)
            self._input.app.renderer.cpr_not_supported_callback = None
        begun = self._session.screen.take_partial()
        return self._input.prompt(ANSI(begun + prompt), is_password=password)

    # Parts of the screen

    def _message(self) -> StyleAndTextTuples:
        return [("class:prompt", f"[{self._session.number}]> ")]

    def _continuation(self, width: int, number: int, is_soft_wrap: int) -> StyleAndTextTuples:
        return [("class:continuation", ("" if is_soft_wrap else "· ").rjust(width))]

    def _look(self, buffer: Buffer) -> None:
        text = buffer.document.text_before_cursor
        if not text.startswith((".", "%", "!")):
            self._signatures.look(text)

    def _refresh(self) -> None:
        """Signatures have changed."""
        parts = self._signatures.parts
        self._prompt.bottom_toolbar = list(parts) or None
        self._prompt.app.invalidate()

    def _note_shown(self) -> None:
        if self._shown is not None:
            shown, self._shown = self._shown, None
            shown()
            if self._session.screen.colours:
                self._lexer.load(self._prompt.app.invalidate)

    def _changed(self, name: str) -> None:
        settings = self._session.settings
        if name in ("color_style", "colours"):
            self._style = style_of(settings.color_style, colours=settings.colours)
            self._depth = None if settings.colours else ColorDepth.DEPTH_1_BIT
            self._prompt.color_depth = self._depth
        elif name == "editing":
            self._prompt.editing_mode = EditingMode.VI if settings.editing == "vi" else EditingMode.EMACS

    # From other threads

    def _above(self, write: Callable[[], None]) -> None:
        app = self._prompt.app
        loop = app.loop
        if not app.is_running or loop is None:
            write()
            return
        try:
            loop.call_soon_threadsafe(lambda: run_in_terminal(write))
        except RuntimeError:  # the prompt has just ended
            write()

    def _fail(self, error: Exception) -> None:
        app = self._prompt.app
        if app.is_running and app.loop is not None:
            app.loop.call_soon_threadsafe(lambda: app.exit(exception=error) if app.is_running else None)
