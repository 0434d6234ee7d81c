"""`llmspell kernel status`."""

from __future__ import annotations

from pathlib import Path

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.kernel.formats import view_options
from llmspell_kernel.cli.kernel.where import chosen, where_options


@command(
    epilog="""\b
Examples:
  llmspell kernel status                    all, as `llmspell kernel list`
  llmspell kernel status work               one, in full
  llmspell kernel status work --quiet && echo it runs
  llmspell kernel status work --watch --format json""",
)
@where_options
@view_options
@pass_frame
def status(
    frame: Frame,
    where: str | None,
    by_id: str | None,
    key: str | None,
    key_file: Path | None,
    form: str | None,
    watch: bool,
    interval: float,
) -> int:
    """Show how a kernel is; without WHERE all of them.

    Also while it is busy. The exit status is 1 if the kernel does not answer; --quiet shows nothing else.
    """
    from llmspell_kernel.cli.kernel.showing import show_kernels
    from llmspell_kernel.client.discovery import FoundKernel, find_kernels

    if where is None and by_id is None:
        show_kernels(frame, find_kernels, form or "table", watch=watch, interval=interval)
        return 0
    kernel = chosen(where, by_id, key, key_file)

    def again() -> list[FoundKernel]:
        """It may have been started anew meanwhile, with another key."""
        return [kernel if kernel.file is None else FoundKernel.of_file(kernel.file)]

    healths = show_kernels(frame, again, form or "detailed", watch=watch, interval=interval, one=True)
    return 0 if healths[0].state.is_alive else 1
