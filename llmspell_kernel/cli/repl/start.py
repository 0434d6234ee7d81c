"""A REPL from its first prompt to its exit status."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from llmspell_kernel import __version__
from llmspell_kernel.cli.repl.lines import Lines
from llmspell_kernel.cli.repl.link import Link
from llmspell_kernel.cli.repl.options import Options
from llmspell_kernel.cli.repl.screen import Screen
from llmspell_kernel.cli.repl.session import Session
from llmspell_kernel.errors import LLMSpellError, UsageError

_NAMES = {"lua54": "Lua 5.4", "lua55": "Lua 5.5", "luajit": "LuaJIT"}


def run(options: Options) -> int:
    """Reads and runs inputs until the user leaves, stdin ends or, from a pipe, one fails.

    Answers the exit status: that of `.exit` or os.exit, 1 if the last input from a pipe has failed.

    Raises:
        LLMSpellError: there is no kernel to begin with.
        BrokenPipeError: nobody reads the output.
    """
    if sys.stdin is None:
        raise UsageError("standard input is closed; run a script with `llmspell run FILE`")
    is_typed = sys.stdin.isatty()
    can_edit = is_typed and sys.stdout is not None and sys.stdout.isatty() and not _is_dumb()
    link = Link(options)
    screen = Screen(colours=options.colours, is_terminal=can_edit)
    session = Session(options, link, screen)
    session.interactive = is_typed
    link.heard = screen.show_later
    try:
        if can_edit:
            _edit(session, link, options)
        else:
            link.begin()
            _read_lines(session, options)
    finally:
        session.close()
    return session.status or 0


def _edit(session: Session, link: Link, options: Options) -> None:
    from llmspell_kernel.cli.repl.prompt import Prompt

    if not link.is_embedded:
        link.begin()
        session.number = _next_number(link)
    _greet(session, options)
    # A kernel in this process is made when the prompt is there: both at once would only be slower.
    prompt = Prompt(session, shown=link.begin if link.is_embedded else lambda: None)
    session.read_line = prompt.read_input
    while session.status is None:
        default, session.next_input = session.next_input, ""
        try:
            text = prompt.read(default)
        except KeyboardInterrupt:
            continue
        except EOFError:
            break
        session.run(text)
        if session.history.problem and options.history_file is not None:
            _tell_once(session)
    session.screen.above = None


def _tell_once(session: Session) -> None:
    session.screen.note(session.history.problem)
    session.history.problem = ""


def _read_lines(session: Session, options: Options) -> None:
    """Without editing: one input after the other. What comes from a pipe ends with the first that fails."""
    is_typed = session.interactive
    lines = Lines(session.screen.write, lambda code: session.is_complete(code)[0], has_prompts=is_typed)
    session.read_line = lines.read_input
    if is_typed:
        session.number = _next_number(session.link)
        _greet(session, options)
    while session.status is None:
        prompt = f"[{session.number}]> "
        try:
            text = lines.read(prompt, "· ".rjust(len(prompt)))
        except EOFError:
            if is_typed:
                session.screen.fresh_line()
            return
        except KeyboardInterrupt:
            if not is_typed:
                raise
            session.screen.write("\n")
            continue
        session.run(text)
        if session.failed and not is_typed and session.status is None:
            session.status = 1


def _greet(session: Session, options: Options) -> None:
    if options.quiet:
        return
    if session.link.is_embedded:
        what = _NAMES.get(options.language, options.language)
    else:
        language = session.link.client.kernel_info(timeout=5).get("language_info", {})
        what = f"{language.get('name', '')} {language.get('version', '')}, the kernel {options.where}"
    session.screen.note(f"LLMSpell {__version__}, {what} — .help lists the commands, Ctrl-D leaves")


def _next_number(link: Link) -> int:
    """The number of the next cell of a kernel that may have run some."""
    if link.is_embedded:
        return 1
    with suppress(LLMSpellError):
        done = link.client.execute("", silent=True, store_history=False, timeout=2)
        return (done.execution_count or 0) + 1
    return 1


def _is_dumb() -> bool:
    return os.environ.get("TERM", "") in ("", "dumb", "unknown")
