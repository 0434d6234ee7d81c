"""`llmspell kernel interrupt`."""

from __future__ import annotations

from pathlib import Path

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.kernel.where import chosen, probed, where_options


@command(
    epilog="""\b
Examples:
  llmspell kernel interrupt work
  llmspell kernel interrupt          the only one that runs"""
)
@where_options
@pass_frame
def interrupt(
    frame: Frame, where: str | None, by_id: str | None, key: str | None, key_file: Path | None
) -> None:
    """End what a kernel is running, as Ctrl-C would; the kernel itself goes on."""
    from llmspell_kernel.client.lifecycle import interrupt

    kernel = chosen(where, by_id, key, key_file)
    interrupt(probed(kernel))
    frame.show({"id": kernel.id, "result": "interrupted"})
    if frame.output == "text":
        frame.note(f"{kernel.id} interrupted")
