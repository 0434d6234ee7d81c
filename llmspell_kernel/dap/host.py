"""What the process that is debugged offers to the clients of its debugger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from llmspell_kernel.dap.cells import CellFiles
from llmspell_kernel.dap.protocol import LaunchArguments


def _nothing() -> None:
    """What a host does that does not care."""


def _stay(terminate: bool) -> None:
    """What a host does that outlives its clients."""


@dataclass(frozen=True, slots=True)
class Host:
    """Called by the adapters on the thread of the client concerned; each must return soon.

    Attributes:
        on_configuration_done: a client has told all it wants: a program that waited for it may start.
        on_disconnect: a client has left; true if it wants the program to end.
        launcher: prepares what a client's `launch` asks for, which starts with `on_configuration_done`;
            an LLMSpellError refuses. None where clients can only attach.
        can_terminate: whether `on_disconnect(True)` ends the program.
        cells: the files of a notebook's cells; none for a program that has no cells.
    """

    on_configuration_done: Callable[[], None] = field(default=_nothing)
    on_disconnect: Callable[[bool], None] = field(default=_stay)
    launcher: Callable[[LaunchArguments], None] | None = None
    can_terminate: bool = False
    cells: CellFiles | None = None
