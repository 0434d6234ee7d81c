"""What the commands of `llmspell session` and `llmspell artifact` share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from llmspell_kernel.cli.frame import Frame
from llmspell_kernel.cli.services import services
from llmspell_kernel.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.session.records import SessionRecord
    from llmspell_kernel.library.session.service import Sessions

_SHORT = 8


@contextmanager
def lasting_services(frame: Frame) -> Iterator[Services]:
    """The services of the settings, whose sessions last.

    Raises:
        UsageError: there are none, or they are kept in memory.
    """
    with services(frame) as made:
        settings = made.settings.runtime.sessions
        if not settings.enabled or settings.storage_backend == "memory":
            name = "enabled is false" if not settings.enabled else 'storage_backend is "memory"'
            raise UsageError(
                f"the settings keep no sessions (runtime.sessions.{name}): there is nothing that "
                "others could see; `llmspell config show runtime.sessions --origins` shows where it is said"
            )
        yield made


def find_session(sessions: Sessions, named: str) -> SessionRecord:
    """A session by its id, by the beginning of it, or by its name.

    Raises:
        UsageError: none is called so, or several are.
    """
    known = sessions.search()
    for fits in (
        [each for each in known if each.id == named],
        [each for each in known if len(named) >= 4 and each.id.startswith(named)],
        [each for each in known if each.name == named],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            several = ", ".join(each.id for each in fits[:5])
            raise UsageError(f"{len(fits)} sessions are called {named!r}; name one by its id: {several}")
    raise UsageError(f"no session {named!r}; `llmspell session list` shows those that there are")


def _sessions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    del param
    from click.shell_completion import CompletionItem

    with lasting_services(ctx.ensure_object(Frame)) as made:
        return [
            CompletionItem(each.id, help=each.name or None)
            for each in made.sessions.search()
            if each.id.startswith(incomplete)
        ]


def session_argument(
    name: str = "session", *, metavar: str = "SESSION", required: bool = True, many: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The argument SESSION."""
    return click.argument(
        name, metavar=metavar, required=required, nargs=-1 if many else 1, shell_complete=_sessions
    )


def session_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option `--session`."""
    return click.option("-s", "--session", metavar="SESSION", help=text, shell_complete=_sessions)


def short(session_id: str) -> str:
    """As much of an id as tells sessions apart."""
    return session_id[:_SHORT]


def write_bytes(path: str, content: bytes) -> None:
    """Writes a file, or standard output for -.

    Raises:
        UsageError: it cannot be written.
    """
    if path == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
