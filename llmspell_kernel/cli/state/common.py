"""What the commands of `llmspell state` share."""

from __future__ import annotations

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
    from llmspell_kernel.library.state.service import State


@contextmanager
def lasting_services(frame: Frame) -> Iterator[Services]:
    """The services of the settings, whose `State` lasts.

    Raises:
        UsageError: it is kept in memory.
    """
    with services(frame) as made:
        persistence = made.settings.runtime.state_persistence
        if not persistence.enabled or persistence.backend_type == "memory":
            name = "enabled is false" if not persistence.enabled else 'backend_type is "memory"'
            raise UsageError(
                f"the settings keep `State` in memory (runtime.state_persistence.{name}): there is nothing "
                "that other processes could see; `llmspell config show runtime.state_persistence --origins` "
                "shows where that is said"
            )
        yield made


@contextmanager
def opened(frame: Frame) -> Iterator[State]:
    """`State` as the settings have it; see `lasting_services`."""
    with lasting_services(frame) as made:
        yield made.state


def _scopes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    del param
    from click.shell_completion import CompletionItem

    with opened(ctx.ensure_object(Frame)) as state:
        return [CompletionItem(scope) for scope in state.scopes() if scope.startswith(incomplete)]


def _keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    del param
    from click.shell_completion import CompletionItem

    with opened(ctx.ensure_object(Frame)) as state:
        return [CompletionItem(key) for key in state.keys(ctx.params.get("scope") or "global", incomplete)]


def key_argument(*, required: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The argument KEY."""
    return click.argument("key", required=required, shell_complete=_keys)


def scope_option(
    default: str | None = "global", text: str = "The scope, such as user:alice."
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option `--scope`."""
    return click.option(
        "-s",
        "--scope",
        metavar="SCOPE",
        default=default,
        show_default=default is not None,
        help=text,
        shell_complete=_scopes,
    )


def shown(value: Any) -> str:
    """A value in one line, for people: text as it is, all else as JSON."""
    from llmspell_kernel.cli.output import json_text
    from llmspell_kernel.library.state.documents import plain

    return value if isinstance(value, str) else json_text(plain(value))


def no_such_key(state: State, scope: str, key: str) -> UsageError:
    """For a key that is not there; names the nearest ones, or where else it is."""
    import difflib

    others = [each for each in state.scopes() if each != scope and state.exists(each, key)]
    near = difflib.get_close_matches(key, state.keys(scope), 2)
    hint = ""
    if near:
        hint = f"; did you mean {' or '.join(near)}?"
    elif others:
        hint = f"; it is in the scope {' and '.join(others[:3])} (--scope)"
    return UsageError(f"there is no {key!r} in the scope {scope!r}{hint}")
