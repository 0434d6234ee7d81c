"""Every benchmark scenario runs once, briefly; nothing here looks at how long anything took."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from benchmarks import report
from benchmarks.__main__ import main
from benchmarks.kernels import contest
from benchmarks.measure import Condition, Counts, Failure, Result, Target, percentile
from benchmarks.scenarios import SCENARIOS
from benchmarks.scenarios.cpu import PLAIN_LUA


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_comes_to_figures_for_both_kernels(name: str) -> None:
    if name == "cpu" and shutil.which(PLAIN_LUA) is None:
        pytest.skip(f"no {PLAIN_LUA} on PATH")
    with contest() as field:
        results = SCENARIOS[name](field, Counts.short())
    assert results
    for result in results:
        assert result.ours and result.reference
        assert all(sample > 0 for sample in (*result.ours, *result.reference))
        assert [condition.text for condition in result.conditions if not condition.holds] == []


def test_command_writes_table_markdown_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, data = tmp_path / "results.md", tmp_path / "results.json"
    assert main(["--short", "--only", "execute", "--markdown", str(page), "--json", str(data)]) == 0
    assert "execute to idle, trivial cell" in capsys.readouterr().out
    assert "| execute to idle, trivial cell |" in page.read_text()
    assert "ipykernel" in page.read_text().split("## Measured on")[1]
    (record,) = orjson.loads(data.read_bytes())["results"]
    assert record["ratio"] == pytest.approx(record["median"] / record["reference_median"])


def test_kernel_that_does_not_start_fails_its_scenario_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.client.DEFAULT_TIMEOUT", 2.0)
    assert (
        main(["--short", "--only", "execute", "--command", "python3 -c 'raise SystemExit(\"no lua\")'"]) == 1
    )
    printed = capsys.readouterr().out
    assert "FAILED" in printed
    assert "ended with 1" in printed
    assert "no lua" in printed


@pytest.mark.parametrize(
    ("ours", "target", "verdict"),
    [
        (0.9, Target(0.5, 0.2), "missed"),
        (0.4, Target(0.5, 0.2), "reached"),
        (0.1, Target(0.5, 0.2), "better still"),
        (0.1, Target(0.5), "reached"),
        (0.04, Target(0.05, 0.005, of="ours"), "reached"),
        (0.06, Target(0.05, 0.005, of="ours"), "missed"),
    ],
)
def test_verdict_follows_the_target(ours: float, target: Target, verdict: str) -> None:
    assert Result("any", "s", [ours], [1.0], target).verdict == verdict


def test_condition_that_does_not_hold_misses_the_target() -> None:
    lost = Condition("3 lines lost", holds=False)
    result = Result("print", "s", [0.1], [1.0], Target(0.5, 0.2), conditions=[lost])
    assert result.verdict == "missed"
    assert "print: 3 lines lost" in report.table([result])


def test_failure_stays_in_the_table() -> None:
    printed = report.table([Failure("comm", "no echo")])
    assert "FAILED" in printed
    assert "comm: failed: no echo" in printed


def test_percentile_is_the_nearest_rank() -> None:
    samples = [float(number) for number in range(1, 101)]
    assert percentile(samples, 99) == 99
    assert percentile(samples, 50) == 50
    assert percentile([7.0], 99) == 7
