"""`llmspell kernel connect`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.kernel.where import chosen, where_options

if TYPE_CHECKING:
    from llmspell_kernel.client.discovery import FoundKernel


@command(
    epilog="""\b
Examples:
  llmspell kernel connect                          to the only one that runs
  llmspell kernel connect work --output json       for programs; without the key
  llmspell kernel connect tcp://127.0.0.1:9555"""
)
@where_options
@pass_frame
def connect(
    frame: Frame, where: str | None, by_id: str | None, key: str | None, key_file: Path | None
) -> None:
    """Show how to connect to a kernel: its file, and the command lines of clients.

    The key stays in the file, which only its owner can read.
    """
    kernel = chosen(where, by_id, key, key_file)
    ways = _ways(kernel)
    frame.show(_record(kernel, ways), lambda: _text(kernel, ways))


def _ways(kernel: FoundKernel) -> dict[str, str]:
    """Command line by client."""
    if kernel.file is None:
        place = f"tcp://{kernel.connection.ip}:{kernel.connection.ports['shell']}"
        return {"llmspell repl": f"llmspell repl --connect {place}"}
    file, name = quote(str(kernel.file)), quote(kernel.id)
    return {
        "llmspell repl": f"llmspell repl --connect {name}",
        "llmspell run": f"llmspell run SCRIPT --connect {name}",
        "jupyter console": f"jupyter console --existing {file}",
        "jupyter lab": "jupyter lab --ServerApp.allow_external_kernels=True "
        f"--ServerApp.external_connection_dir={quote(str(kernel.file.parent))}",
    }


def _record(kernel: FoundKernel, ways: dict[str, str]) -> dict[str, Any]:
    connection = kernel.connection
    fields = {
        name: value
        for name, value in connection.content().items()
        if name not in ("key", "curve_publickey", "curve_secretkey")
    }
    file = None if kernel.file is None else str(kernel.file)
    listens = kernel.listens
    return {"id": kernel.id, "connection_file": file, "listens": listens, **fields, "commands": ways}


def _text(kernel: FoundKernel, ways: dict[str, str]) -> str:
    connection = kernel.connection
    lines = [
        ("kernel", kernel.id),
        ("file", kernel.file or "none"),
        ("address", connection.endpoint("shell")),
        *ways.items(),
    ]
    if kernel.file is not None:
        lines.append(("VS Code", "Select Kernel > Existing Jupyter Server, with the URL of that jupyter lab"))
    if port := connection.extra.get("llmspell_dap_port"):
        lines.append(("debugger", f"port {port}; editors find it in the file"))
    text = "\n".join(f"{name:<18} {value}" for name, value in lines)
    if not kernel.listens:
        text += "\nnote: nothing listens there now"
    return text
