"""`llmspell tool invoke`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from llmspell_kernel.cli import completing
from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.seconds import Seconds
from llmspell_kernel.cli.tool.asking import ToolReplyError, ask, format_option, name_argument, there
from llmspell_kernel.errors import UsageError

_FAILED = 1


@command(
    epilog="""\b
Examples:
  llmspell tool invoke uuid-generator
  llmspell tool invoke calculator --params '{"input": "6 * 7"}'
  llmspell tool invoke template-creator --params-file template.json --output json
  echo '{"input": "text"}' | llmspell tool invoke hash-calculator --params-file -"""
)
@name_argument
@click.option("--params", metavar="JSON", help="The parameters, a JSON object.")
@click.option(
    "--params-file",
    metavar="FILE",
    shell_complete=completing.files,
    help="The parameters from a file (- for stdin); --params goes over them.",
)
@click.option("--timeout", type=Seconds(min_open=True), metavar="SECONDS", help="End it after this time.")
@format_option
@there
@pass_frame
def invoke(
    frame: Frame,
    name: str,
    params: str | None,
    params_file: str | None,
    timeout: float | None,
    connect: str | None,
) -> int:
    """Call a tool and show its result: text as it is, all else as JSON.

    With --output json the whole answer is shown. Exit status 1 if the tool did not succeed.
    """
    given = {**_read(params_file), **_parsed(params, "--params")}
    fields: dict[str, Any] = {"name": name, "params": given}
    if timeout is not None:
        fields["timeout"] = timeout
    try:
        reply = ask(frame, connect, "invoke", **fields)
    except ToolReplyError as error:
        if frame.output != "text":
            frame.show(error.reply)
        raise
    result = reply["result"]
    if result["success"]:
        frame.show(reply, lambda: _text(result))
        return 0
    if frame.output != "text":
        frame.show(reply)
    frame.complain(f"{reply['tool']}: {result.get('error', {}).get('message', 'it did not succeed')}")
    return _FAILED


def _text(result: dict[str, Any]) -> str:
    value = result.get("result")
    if value is None:
        return str(result.get("message", ""))
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _read(file: str | None) -> dict[str, Any]:
    """The parameters in a file.

    Raises:
        UsageError: it cannot be read, or is no JSON object.
    """
    if file is None:
        return {}
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(f"--params-file: {file} cannot be read: {said}") from error
    return _parsed(text, f"--params-file: {file}")


def _parsed(text: str | None, where: str) -> dict[str, Any]:
    """The parameters in a text.

    Raises:
        UsageError: it is no JSON object.
    """
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{where}: that is no JSON: {error}") from error
    except RecursionError as error:
        raise UsageError(f"{where}: that is nested too deeply") from error
    if not isinstance(value, dict):
        raise UsageError(f'{where}: parameters are a JSON object, as in {{"input": "text"}}; got {text[:60]}')
    return value
