"""`python -m benchmarks`: run the scenarios, print the table, write results.md."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.client import BenchmarkError
from benchmarks.kernels import CONNECTION_FILE, OURS, Contest, contest
from benchmarks.measure import Counts, Failure, Result
from benchmarks.scenarios import SCENARIOS
from benchmarks.scenarios.cpu import PLAIN_LUA

RESULTS = Path(__file__).parent / "results.md"


def run(names: Sequence[str], field: Contest, counts: Counts) -> list[Result | Failure]:
    """The results of the named scenarios; one that fails does not keep the others from running."""
    results: list[Result | Failure] = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            results.extend(SCENARIOS[name](field, counts))
        except BenchmarkError as error:
            notes = " ".join(getattr(error, "__notes__", ()))
            results.append(Failure(name, f"{error} {notes}".strip()))
    return results


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Compare the kernel with ipykernel."
    )
    parser.add_argument(
        "--short", action="store_true", help="a few samples each: shows that all works, no figures"
    )
    parser.add_argument(
        "--only", action="append", choices=list(SCENARIOS), help="this scenario; may be repeated"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples as JSON")
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help=f"write the table as Markdown; a full run of all scenarios writes {RESULTS.name} unasked",
    )
    parser.add_argument(
        "--command",
        default=shlex.join(OURS.argv),
        help=f"how to start the Lua kernel; {CONNECTION_FILE} stands for the connection file",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run as asked; 0 if every scenario came to its figures, whatever they are."""
    options = _parser().parse_args(argv)
    ours = dataclasses.replace(OURS, argv=shlex.split(options.command))
    with contest(ours) as field:
        results = run(options.only or list(SCENARIOS), field, Counts.short() if options.short else Counts())
    facts = report.surroundings(PLAIN_LUA)
    print(report.table(results))
    target: Path | None = options.markdown
    if target is None and not options.short and not options.only:
        target = RESULTS
    if target is not None:
        target.write_text(report.markdown(results, facts))
    if options.json is not None:
        options.json.write_bytes(report.as_json(results, facts))
    return 1 if any(isinstance(result, Failure) for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
