"""What the command line and the settings say about one REPL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_kernel.records import record

if TYPE_CHECKING:
    from llmspell_kernel.runtime import RuntimeSettings

IN_MEMORY = ":memory:"


@record
class Options:
    """How a REPL is to be.

    Attributes:
        where: the kernel to connect to, as `client.discovery.resolve` takes it; None for one in this process.
        runtime: of the kernel in this process; None for the defaults.
        output_limit: bytes of text that one cell may write there; None for the default.
        history_file: where inputs last; `IN_MEMORY` to forget them, "" for the usual place.
        history_size: inputs that are kept; 0 for all.
        color_style: the Pygments style of what is typed; `default` takes the terminal's own colours.
        colours: whether output has any.
        quiet: no greeting.
    """

    where: str | None = None
    runtime: RuntimeSettings | None = None
    output_limit: int | None = None
    history_file: str = ""
    history_size: int = 10_000
    color_style: str = "default"
    colours: bool = False
    quiet: bool = False

    @property
    def language(self) -> str:
        """The Lua of the kernel in this process."""
        return self.runtime.lua.language if self.runtime is not None else "lua54"
