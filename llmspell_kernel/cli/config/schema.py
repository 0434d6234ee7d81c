"""`llmspell config schema`."""

from __future__ import annotations

from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    epilog="""\b
Examples:
  llmspell config schema > llmspell.schema.json"""
)
@pass_frame
def schema(frame: Frame) -> None:
    """Show the JSON Schema of a settings file, for editors that check and complete TOML."""
    from llmspell_kernel.cli.output import json_text
    from llmspell_kernel.config.writing import json_schema

    found = json_schema()
    frame.show(found, lambda: json_text(found, indented=True))
