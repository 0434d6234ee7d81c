"""What the commands of `llmspell backup` share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llmspell_kernel.cli.frame import Frame
from llmspell_kernel.cli.state.common import lasting_services

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

    from llmspell_kernel.storage.backup import Backups


@contextmanager
def opened(frame: Frame) -> Iterator[Backups]:
    """The backups of the store that the settings name."""
    from llmspell_kernel.library.state.backups import backups_of

    with lasting_services(frame) as made:
        yield backups_of(made)


def ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of backups, for shells."""
    del param
    from click.shell_completion import CompletionItem

    with opened(ctx.ensure_object(Frame)) as backups:
        return [CompletionItem(each.id) for each in backups.all() if each.id.startswith(incomplete)]
