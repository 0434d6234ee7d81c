"""`llmspell config validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    epilog="""\b
Examples:
  llmspell config validate
  llmspell config validate prod.toml --output json"""
)
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("-f", "--file", type=click.Path(path_type=Path), help="The same as PATH.")
@pass_frame
def validate(frame: Frame, path: Path | None, file: Path | None) -> int:
    """Check settings: those of a file at PATH, or all that are in effect here.

    Exit status 1 if something is wrong. As JSON: valid, path, errors, warnings.
    """
    from llmspell_kernel.errors import SettingsError

    if path is not None and file is not None:
        raise click.UsageError("PATH and --file name the same thing; give one.")
    chosen = path or file
    errors: tuple[str, ...] = ()
    warnings: list[str] = []
    where = str(chosen) if chosen is not None else None
    try:
        if chosen is not None:
            _check(str(chosen))
        else:
            where, warnings = _check_all(frame)
    except SettingsError as error:
        errors = error.problems
    report: dict[str, Any] = {
        "valid": not errors,
        "path": where,
        "errors": list(errors),
        "warnings": warnings,
    }
    frame.show(report, lambda: "\n".join([*errors, *warnings]) or f"valid: {where or 'the defaults'}")
    return 1 if errors else 0


def _check(path: str) -> None:
    from llmspell_kernel.config.checking import checked
    from llmspell_kernel.config.layers import read_file

    checked(read_file(path))


def _check_all(frame: Frame) -> tuple[str | None, list[str]]:
    from llmspell_kernel.config.loading import load

    found = load(frame.config, frame.profile)
    warnings = [f"{name}: no such setting; it is ignored" for name in found.unknown_variables]
    return ", ".join(found.sources) or None, warnings
