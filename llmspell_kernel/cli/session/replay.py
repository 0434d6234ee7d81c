"""`llmspell session replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame
from llmspell_kernel.cli.session.common import find_session, lasting_services, session_argument
from llmspell_kernel.errors import UsageError


@command(
    epilog="""\b
Examples:
  llmspell session replay 3f2a
  llmspell session replay 3f2a --from-step 3 --to-step 5
  llmspell session replay 3f2a --modify 2=faster.lua
  llmspell session replay 3f2a --mode debug         stop at the first difference
  llmspell session replay 3f2a --output json | jq .cells"""
)
@session_argument()
@click.option(
    "--mode",
    type=click.Choice(["exact", "modified", "simulate", "debug"]),
    help="By default exact, or modified if there is anything to modify.",
)
@click.option("--from-step", type=click.IntRange(1), default=1, metavar="N", help="The first run, from 1.")
@click.option("--to-step", type=click.IntRange(1), metavar="N", help="The last run.")
@click.option(
    "--modify",
    "modifications",
    metavar="N=FILE",
    multiple=True,
    help="What is in FILE runs in place of run N; may be repeated.",
)
@click.option("--no-compare", is_flag=True, help="Do not compare what is shown.")
@click.option("--stop-on-error", is_flag=True, help="Stop at the first run that fails.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="For all of it.",
)
@pass_frame
def replay(
    frame: Frame,
    session: str,
    mode: str | None,
    from_step: int,
    to_step: int | None,
    modifications: tuple[str, ...],
    no_compare: bool,
    stop_on_error: bool,
    timeout: float,
) -> int:
    """Run again what ran in a session, and compare what it shows.

    It runs in a Lua of its own that begins empty; State, sessions and artifacts are the replay's own, files
    and programs are the real ones. The exit status is 1 if anything is different, has newly failed, or was
    not reached.
    """
    from functools import partial

    from llmspell_kernel.library.replay.player import Options
    from llmspell_kernel.library.session.replaying import replay as replay_session
    from llmspell_kernel.runtime import isolated_runtime, runtime_settings

    options: dict[str, Any] = {
        "compare_results": not no_compare,
        "timeout_seconds": timeout,
        "stop_on_error": stop_on_error,
        "from_step": from_step,
        "modifications": [_modification(each) for each in modifications],
    }
    if mode is not None:
        options["mode"] = mode
    if to_step is not None:
        options["to_step"] = to_step
    with lasting_services(frame) as made:
        settings = runtime_settings(made.settings)
        made.another_runtime = lambda frontend, language: isolated_runtime(frontend, settings, language)
        record = find_session(made.sessions, session)
        report = replay_session(made, record.id, Options.parse(options, "session replay"))
    frame.show(report, partial(_text, report))
    return 0 if report["success"] else 1


def _modification(text: str) -> dict[str, Any]:
    number, equals, path = text.partition("=")
    if not equals or not number.isdigit():
        raise click.UsageError(
            f"--modify {text}: write the number of a run and a file, such as 2=faster.lua."
        )
    try:
        return {"path": number, "value": Path(path).read_text("utf-8")}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _text(report: dict[str, Any]) -> str:
    lines = [report["diff"]] if report.get("diff") else []
    if report["status"] == "simulated":
        for cell in report["cells"]:
            first = (cell["code"].splitlines() or [""])[0]
            lines.append(f"{cell['sequence']:>4}  {'runs' if cell['would_run'] else 'left out'}  {first}")
    counts = ", ".join(
        f"{report[name]:,} {name.replace('_', ' ')}"
        for name in ("executed", "identical", "different", "failed", "skipped", "not_reached")
        if report.get(name)
    )
    lines.append(f"{report['status']}: {counts or 'nothing was run'} ({report['duration_ms']:,.0f} ms)")
    return "\n".join(lines)
