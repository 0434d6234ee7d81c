"""`llmspell storage info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.storage.common import backend_option, opened

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.storage import Backend


@command(
    epilog="""\b
Examples:
  llmspell storage info
  llmspell storage info --backend postgres --output json"""
)
@backend_option
@pass_frame
def info(frame: Frame, backend: Backend | None) -> None:
    """Show where a store is, its version, and how much it has."""
    from llmspell_kernel.cli.output import fact, size

    with opened(frame, backend) as store:
        found = store.info()
    rows = [
        ("backend", found.backend),
        ("location", found.location),
        ("schema version", str(found.schema_version)),
        ("size", size(found.size_bytes)),
        *(fact(name, value) for name, value in found.details.items()),
        *((name, f"{count:,}") for name, count in found.entries.items()),
    ]
    width = max(len(name) for name, _ in rows)
    frame.show(found._asdict(), "\n".join(f"{name:{width}}  {value}" for name, value in rows))
