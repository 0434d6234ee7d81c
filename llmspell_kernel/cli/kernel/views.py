"""What people and programs see of a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from llmspell_kernel.cli.output import Table, size
from llmspell_kernel.client.connection import CHANNELS
from llmspell_kernel.client.lifecycle import manager_of
from llmspell_kernel.client.probe import Health, State
from llmspell_kernel.errors import ConnectionFileError

_COLOURS = {
    State.IDLE: "green",
    State.BUSY: "yellow",
    State.STARTING: "yellow",
    State.SILENT: "red",
    State.UNREACHABLE: "red",
    State.UNREADABLE: "red",
    State.DEAD: "bright_black",
    State.FOREIGN: None,
}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def record(health: Health) -> dict[str, Any]:
    """All that is known of a kernel, for JSON."""
    kernel, status = health.kernel, health.status
    content = None if isinstance(kernel.content, ConnectionFileError) else kernel.content
    manager = manager_of(health)
    return {
        "id": kernel.id,
        "state": str(health.state),
        "alive": health.state.is_alive,
        "ours": kernel.is_ours,
        "kernel_name": kernel.name or None,
        "language": status.get("language"),
        "pid": health.process.pid if health.process else None,
        "transport": content and content.transport,
        "ip": content and content.ip,
        "port": content and content.ports["shell"],
        "ports": content and dict(content.ports),
        "encrypted": bool(content and content.curve_publickey),
        "connection_file": str(kernel.file) if kernel.file else None,
        "managed_by": str(manager) if manager else None,
        "started": status.get("started"),
        "uptime": status.get("uptime"),
        "clients": status.get("clients"),
        "executions": status.get("executions"),
        "memory_bytes": status.get("memory_bytes"),
        "implementation": status.get("implementation"),
        "implementation_version": status.get("implementation_version"),
        "language_version": status.get("language_version"),
        "python_version": status.get("python_version"),
        "directory": status.get("directory"),
        "dap_port": content and content.extra.get("llmspell_dap_port"),
        "note": health.note or None,
    }


def table(healths: Sequence[Health], *, colours: bool) -> Table:
    """A line for each kernel."""
    return Table(
        ["id", "state", "kernel", "pid", "port", "uptime", "clients", "runs", "memory", ""],
        [_row(health, colours) for health in healths],
        right=(3, 4, 5, 6, 7, 8),
        spare=(4, 6, 7, 2, 5),
        empty="no kernels; `llmspell kernel start` starts one",
    )


def _row(health: Health, colours: bool) -> list[object]:
    status, content = health.status, health.kernel.content
    return [
        health.kernel.id,
        _coloured(health.state, colours),
        health.kernel.name or None,
        health.process.pid if health.process else None,
        None if isinstance(content, ConnectionFileError) else content.ports["shell"],
        duration(status["uptime"]) if "uptime" in status else None,
        status.get("clients"),
        status.get("executions"),
        size(status["memory_bytes"]) if "memory_bytes" in status else None,
        health.note,
    ]


def details(health: Health, *, colours: bool) -> str:
    """A paragraph about one kernel."""
    kernel, status, content = health.kernel, health.status, health.kernel.content
    lines: list[tuple[str, object]] = [("state", _coloured(health.state, colours)), ("", health.note)]
    if health.process is not None:
        lines.append(("process", health.process.pid))
    if (manager := manager_of(health)) is not None:
        lines.append(("managed by", manager))
    if status:
        lines += [
            ("started", f"{status['started']}, {duration(status['uptime'])} ago"),
            ("clients", status["clients"]),
            ("executions", status["executions"]),
            ("memory", size(status["memory_bytes"])),
            (
                "version",
                f"{status['implementation']} {status['implementation_version']}, "
                f"{status['language']}, Python {status['python_version']}",
            ),
            ("directory", status["directory"]),
        ]
    if not isinstance(content, ConnectionFileError):
        lines += [
            ("kernelspec", content.kernel_name),
            (
                "address",
                f"{content.transport}://{content.ip}{', encrypted' if content.curve_publickey else ''}",
            ),
            ("ports", ", ".join(f"{name} {content.ports[name]}" for name in CHANNELS)),
        ]
        if "llmspell_dap_port" in content.extra:
            lines.append(("debugger", f"port {content.extra['llmspell_dap_port']}"))
    lines.append(("file", kernel.file or ""))
    shown = [f"  {name:<11} {value}".rstrip() for name, value in lines if str(value)]
    return "\n".join([kernel.id, *shown])


def _coloured(state: State, colours: bool) -> str:
    colour = _COLOURS[state]
    return click.style(state, fg=colour) if colours and colour else str(state)


def duration(seconds: float) -> str:
    """As in "3 d 4 h": at most two units."""
    left = int(seconds)
    parts: list[str] = []
    for length, name in _UNITS:
        if left >= length and len(parts) < 2:
            parts.append(f"{left // length} {name}")
            left %= length
        elif parts:
            break
    return " ".join(parts) or "0 s"
