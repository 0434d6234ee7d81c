"""Replaying sessions: what is to run, and the report of what came out."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.replay.comparing import unified_diff, without_addresses, without_timings
from llmspell_kernel.library.replay.player import MODES, Options, Player
from llmspell_kernel.library.session.records import Run, iso

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services


_ORDER = {"stdout": 0, "stderr": 1, "display": 2, "result": 3, "error": 4}


def metadata(services: Services, session_id: str) -> dict[str, Any]:
    """What a replay of a session would have to run.

    Raises:
        NoSuchThingError: there is no such session.
    """
    record, runs = services.sessions.get(session_id), services.sessions.runs.of(session_id)
    table = {
        "session_id": session_id,
        "can_replay": bool(runs),
        "modes": list(MODES),
        "language": record.language or None,
        "total_cells": len(runs),
        "failed_cells": sum(run.failed for run in runs),
        "duration_ms": round(sum(run.duration for run in runs) * 1000, 3),
        "first_run_at": iso(runs[0].started_at) if runs else None,
        "last_run_at": iso(runs[-1].started_at) if runs else None,
        "dropped_bytes": sum(run.dropped for run in runs),
    }
    return {key: value for key, value in table.items() if value is not None}


def replayable(services: Services) -> list[str]:
    """The ids of the sessions in which something has run, the newest first."""
    services.sessions.flush()
    return [record.id for record in services.sessions.search() if record.sequence]


def replay(services: Services, session_id: str, options: Options) -> dict[str, Any]:
    """Replays a session in a runtime of its own, and answers the report.

    Raises:
        NoSuchThingError: there is no such session.
        ScriptError: nothing has run in it, or a modification is for a run that there is not.
        KeyboardInterrupt: it was interrupted.
    """
    runs = services.sessions.runs.of(session_id, options.first, options.last)  # stored first, all of them
    record = services.sessions.get(session_id)
    if not runs and record.sequence:
        raise ScriptError(
            f"session {session_id} has the runs 1 to {record.sequence}, and none of them from "
            f"{options.first} {f'to {options.last}' if options.last is not None else 'on'}"
        )
    if not runs:
        raise ScriptError(
            f"nothing has run in session {session_id} that could be replayed: make it the current one, "
            "and what runs then is recorded"
        )
    known = {run.sequence for run in runs}
    for each in options.modifications:
        if each.sequence not in known:
            raise ScriptError(f"session {session_id} has no run {each.sequence} here; it has {_range(known)}")
    report = _Report(session_id, runs, options)
    if options.mode == "simulate":
        return report.simulated()
    if services.another_runtime is None:
        raise ScriptError("nothing here can run Lua; use mode 'simulate'")
    limit = services.settings.runtime.sessions.max_recorded_output_bytes
    player = Player(services.another_runtime, record, runs, options, limit, stops=report.stops_after)
    in_time = player.play(services.waits)
    return report.finished(player.played, in_time)


def _range(known: set[int]) -> str:
    return f"{min(known)} to {max(known)}"


class _Report:
    """The table that a replay comes to."""

    def __init__(self, session_id: str, runs: list[Run], options: Options) -> None:
        self._runs = runs
        self._options = options
        self._begun = time.perf_counter()
        self._table: dict[str, Any] = {
            "session_id": session_id,
            "mode": options.mode,
            "started_at": iso(time.time()),
            "total_cells": len(runs),
            "metadata": dict(options.metadata),
        }
        self._modified = {each.sequence for each in options.modifications}

    def stops_after(self, recorded: Run, replayed: Run) -> bool:
        """Whether a run is where a replay that is debugged stops."""
        return self._options.mode == "debug" and bool(self._differences(recorded, replayed))

    def simulated(self) -> dict[str, Any]:
        """Nothing has run."""
        cells = [
            self._plain(run) | {"would_run": self._options.code_of(run) is not None} for run in self._runs
        ]
        return self._table | {
            "success": True,
            "status": "simulated",
            "executed": 0,
            "skipped": sum(not cell["would_run"] for cell in cells),
            "cells": cells,
            "estimated_duration_ms": round(sum(run.duration for run in self._runs) * 1000, 3),
            "duration_ms": self._milliseconds,
        }

    @property
    def _milliseconds(self) -> float:
        return round((time.perf_counter() - self._begun) * 1000, 3)

    def _plain(self, run: Run) -> dict[str, Any]:
        code = self._options.code_of(run)
        table: dict[str, Any] = {
            "sequence": run.sequence,
            "number": run.number or None,
            "script": run.script or None,
            "code": run.code if code is None else code,
            "modified": run.sequence in self._modified,
            "recorded": _outputs(run),
        }
        return {key: value for key, value in table.items() if value is not None}

    def finished(self, played: list[tuple[Run, Run | None]], in_time: bool) -> dict[str, Any]:
        """What the runs came to."""
        cells = [self._cell(recorded, replayed) for recorded, replayed in played]
        executed = [(recorded, replayed) for recorded, replayed in played if replayed is not None]
        different = [cell for cell in cells if cell.get("identical") is False]
        newly_failed = [a for a, b in executed if b.failed and not a.failed]
        stopped = len(played) < len(self._runs)
        compares = self._options.compare_results
        strict = compares and self._options.mode in ("exact", "debug")
        success = in_time and not newly_failed and not (strict and (different or stopped))
        status = "different" if different else "identical" if compares else "completed"
        if stopped:
            status = "stopped"
        report = self._table | {
            "success": success,
            "status": status if in_time else "timeout",
            "timed_out": not in_time,
            "executed": len(executed),
            "identical": sum(cell.get("identical") is True for cell in cells),
            "different": len(different),
            "failed": sum(replayed.failed for _, replayed in executed),
            "skipped": len(cells) - len(executed),
            "not_reached": len(self._runs) - len(played),
            "cells": cells,
            "diff": "\n".join(cell["diff"] for cell in different),
            "duration_ms": self._milliseconds,
        }
        if stopped:
            report["stopped_at"] = (
                played[-1][0].sequence if played and in_time else self._runs[len(played)].sequence
            )
        return report

    def _cell(self, recorded: Run, replayed: Run | None) -> dict[str, Any]:
        table = self._plain(recorded)
        if replayed is None:
            return table | {"status": "skipped"}
        table |= {
            "status": "error" if replayed.failed else "ok",
            "replayed": _outputs(replayed),
            "duration_ms": round(replayed.duration * 1000, 3),
        }
        if self._options.compare_results:
            found = self._differences(recorded, replayed)
            table |= {"identical": not found, "differences": found}
            if found:
                name = f"run {recorded.sequence}"
                first, second = self._text(recorded), self._text(replayed)
                table["diff"] = unified_diff(
                    first, second, first=f"recorded {name}", second=f"replayed {name}"
                )
        return table

    def _differences(self, recorded: Run, replayed: Run) -> list[str]:
        """What is not the same: stdout, stderr, result, error, displays."""
        kinds = ("stdout", "stderr", "result", "error")
        found = [kind for kind in kinds if self._same(recorded.text(kind)) != self._same(replayed.text(kind))]
        if self._same(_json(recorded.displays)) != self._same(_json(replayed.displays)):
            found.append("displays")
        return found

    def _same(self, text: str) -> str:
        if self._options.ignore_addresses:
            text = without_addresses(text)
        return without_timings(text) if self._options.ignore_timings else text

    def _text(self, run: Run) -> str:
        """All that a run has shown, for the diff.

        Kind by kind: in which order output of several kinds arrives is not the same each time.
        """
        parts = []
        for each in sorted(run.shown, key=lambda each: _ORDER.get(each.kind, len(_ORDER))):
            text = _json(each.data, indent=1) if each.kind == "display" else each.text
            parts += [f"{each.kind}: {line}" for line in self._same(text).splitlines()]
        return "\n".join(parts)


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=indent, default=str)


def _outputs(run: Run) -> dict[str, Any]:
    names = (
        "status",
        "stdout",
        "stderr",
        "result",
        "error",
        "displays",
        "duration_ms",
        "stored",
        "dropped_bytes",
    )
    table = run.as_table()
    return {name: table[name] for name in names if name in table}
