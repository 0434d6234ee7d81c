"""The scenarios by name, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.kernels import Contest
from benchmarks.measure import Counts, Result
from benchmarks.scenarios import (
    client,
    comm,
    command,
    completion,
    cpu,
    debugger,
    debugger_stops,
    events,
    execute,
    interrupt,
    memory,
    output,
    repl,
    session,
    start,
    state,
    storage,
    tools,
    values,
)

Scenario = Callable[[Contest, Counts], Sequence[Result]]

SCENARIOS: Mapping[str, Scenario] = {
    "start": start.first_reply,
    "execute": execute.trivial_cell,
    "pipeline": execute.pipelined,
    "embedded": client.embedded,
    "connected": client.connected,
    "completion": completion.complete,
    "print": output.printed_lines,
    "result": output.large_result,
    "comm": comm.echo,
    "interrupt": interrupt.busy_loop,
    "memory": memory.resident,
    "tools": tools.from_lua,
    "tools by sockets": tools.over_sockets,
    "tools by process": tools.in_a_process,
    "cpu": cpu.programs,
    "values": values.records,
    "state": state.state,
    "session": session.session,
    "events": events.callbacks,
    "hooks": events.unused_hooks,
    "cli": command.command_line,
    "repl": repl.prompts,
    "sqlite": storage.sqlite,
    "postgres": storage.postgres,
    "debugger": debugger.slowdown,
    "debugger stop": debugger_stops.to_variables,
    "debugger pages": debugger_stops.first_pages,
    "debugger step": debugger_stops.step_over,
}

__all__ = ["SCENARIOS", "Scenario"]
