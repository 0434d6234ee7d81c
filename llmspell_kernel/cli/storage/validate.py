"""`llmspell storage validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.storage.common import backend_option, entries, opened

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.storage import Backend


@command(
    epilog="""\b
Examples:
  llmspell storage validate
  llmspell storage validate --backend postgres --quiet && echo sound"""
)
@backend_option
@pass_frame
def validate(frame: Frame, backend: Backend | None) -> int:
    """Check a store: its file or server, its tables, its entries.

    The exit status is 1 if something is wrong.
    """
    with opened(frame, backend) as store:
        problems = store.validate()
        found = store.info()
    count = sum(found.entries.values())
    sound = f"{found.location} is sound: {entries(count)}, schema version {found.schema_version}"
    frame.show(
        {"location": found.location, "entries": count, "sound": not problems, "problems": problems},
        "\n".join(problems) or sound,
    )
    return 1 if problems else 0
