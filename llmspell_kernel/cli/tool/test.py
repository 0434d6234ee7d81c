"""`llmspell tool test`."""

from __future__ import annotations

import json

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.tool.asking import ask, format_option, name_argument, there

_FAILED = 1


@command(
    epilog="""\b
Examples:
  llmspell tool test calculator
  llmspell tool test image-processor --verbose"""
)
@name_argument
@click.option("-v", "--verbose", is_flag=True, help="Also what was asked and answered.")
@format_option
@there
@pass_frame
def test(frame: Frame, name: str, verbose: bool, connect: str | None) -> int:
    """Check that a tool works here, by the call that it has as its example.

    Tools that need a network or an account have none; of them it is only checked that they can be used.
    Exit status 1 if the check fails.
    """
    reply = ask(frame, connect, "test", name=name, verbose=verbose)
    lines = [f"{reply['tool']}: {'ok' if reply['success'] else 'failed'}: {reply['message']}"]
    if verbose:
        details = reply["details"]
        lines += [f"{key}: {json.dumps(details[key], ensure_ascii=False)}" for key in sorted(details)]
    frame.show({key: value for key, value in reply.items() if key != "status"}, "\n".join(lines))
    return 0 if reply["success"] else _FAILED
