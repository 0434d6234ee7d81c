"""The two routes to the debugger, for tests that are the same over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kernels import KernelSession

from .session import Program, Session
from .targets import CellTarget, ScriptTarget, Target

ROUTES = ("tcp", "kernel")

KERNEL_NAMES = {"lua54": "llmspell", "lua55": "llmspell-lua55", "luajit": "llmspell-luajit"}

Debug = Callable[..., Session]
"""Makes a session of a program's text. Options: language, and what `attach` says."""


def debugging(route: str, folder: Path, new_kernel: Callable[..., KernelSession]) -> Debug:
    """Sessions over a route: scripts in `folder`, or cells of new kernels."""

    def debug(text: str, *, language: str = "lua54", **attach: Any) -> Session:
        program = Program.of(text)
        target: Target
        if route == "tcp":
            file = folder / "program.lua"
            file.write_text(program.text)
            target = ScriptTarget(file, language=language)
        else:
            target = CellTarget(new_kernel(KERNEL_NAMES[language]), program.text)
        return Session(program, target, **attach)

    return debug


@contextmanager
def script_session(
    folder: Path, text: str, *, attach: Mapping[str, Any] | None = None, **options: Any
) -> Iterator[Session]:
    """A session with a script of `llmspell debug`; `options` are the target's, `attach` what attach says."""
    program = Program.of(text)
    file = folder / "program.lua"
    file.write_text(program.text)
    with Session(program, ScriptTarget(file, **options), **(attach or {})) as session:
        yield session
