"""What the commands of `llmspell storage` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from llmspell_kernel.cli.frame import Frame
from llmspell_kernel.cli.services import services
from llmspell_kernel.errors import UsageError

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.storage import Backend
    from llmspell_kernel.storage.contract import Storage

BACKENDS = click.Choice(["sqlite", "postgres"])
"""Those that other processes can see."""


def backend_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--backend`."""
    return click.option("-b", "--backend", type=BACKENDS, help="The store; by default that of `State`.")(
        command
    )


@contextmanager
def opened(frame: Frame, backend: Backend | None) -> Iterator[Storage]:
    """The store of this kind.

    Raises:
        UsageError: none was named, and the settings keep `State` in memory.
    """
    with services(frame) as made:
        persistence = made.settings.runtime.state_persistence
        chosen: Backend = backend or (persistence.backend_type if persistence.enabled else "memory")
        if chosen == "memory":
            raise UsageError("the settings keep `State` in memory; name a store with --backend")
        yield made.store(chosen)


def entries(count: int) -> str:
    """A number of entries, for people."""
    return f"{count:,} entr{'y' if count == 1 else 'ies'}"
