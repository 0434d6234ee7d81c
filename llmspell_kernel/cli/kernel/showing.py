"""Looking at kernels and showing them, once or again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llmspell_kernel.cli.frame import Frame
from llmspell_kernel.cli.kernel.views import details, record, table
from llmspell_kernel.cli.kernel.watching import View, show_once_or_watch
from llmspell_kernel.client.discovery import FoundKernel
from llmspell_kernel.client.probe import Health, probe


def show_kernels(
    frame: Frame,
    find: Callable[[], Sequence[FoundKernel]],
    form: str,
    *,
    watch: bool,
    interval: float,
    one: bool = False,
) -> list[Health]:
    """Shows how the kernels are that `find` answers: in a form of `--format`; answers how they are.

    With `one`, JSON is an object instead of a list.
    """
    healths: list[Health] = []

    def look() -> View:
        healths[:] = probe(find())
        records = [record(health) for health in healths]
        colours = frame.colours()
        if frame.quiet:
            text = "" if one else "\n".join(health.kernel.id for health in healths)
            return View(records[0] if one else records, text)
        if form == "detailed":
            paragraphs = "\n\n".join(details(health, colours=colours) for health in healths)
            return View(records[0] if one else records, paragraphs)
        return View(records[0] if one else records, table(healths, colours=colours))

    show_once_or_watch(frame, look, watch=watch, interval=interval)
    return healths
