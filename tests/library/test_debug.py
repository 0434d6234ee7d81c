"""The global `Debug`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from llmspell_kernel.client.embedded import EmbeddedClient, start_embedded_kernel
from llmspell_kernel.client.execution import Execution


@pytest.fixture(params=["lua54", "luajit"])
def client(request: pytest.FixtureRequest) -> Iterator[EmbeddedClient]:
    with start_embedded_kernel({"default_engine": request.param}) as client:
        yield client


def run(client: EmbeddedClient, code: str) -> Execution:
    execution = client.execute(code)
    assert execution.error is None, execution.error
    return execution


def test_messages_of_the_level_are_written(client: EmbeddedClient) -> None:
    shown = run(
        client, "Debug.info('ready', 'app') Debug.debug('hidden') Debug.logWithData('warn', 'odd', {n = 1})"
    )
    assert shown.stderr == '[INFO] app: ready\n[WARN] odd {"n": 1}\n'
    shown = run(client, "Debug.logWithData('warn', 'odd', {f = print}) print('on')")
    assert shown.stdout == "on\n" and shown.stderr.startswith('[WARN] odd "{f = ')
    assert (
        run(client, "Debug.setLevel('trace') Debug.trace('seen') print(Debug.getLevel())").stderr
        == "[TRACE] seen\n"
    )
    assert run(client, "Debug.setEnabled(false) Debug.error('silent')").stderr == ""


def test_filters_choose_modules(client: EmbeddedClient) -> None:
    shown = run(
        client,
        """
        Debug.addModuleFilter("net.*", false)
        Debug.addAdvancedFilter("net.dns", "hierarchical", true)
        for _, module in ipairs{"net.http", "net.dns.cache", "app"} do Debug.info("x", module) end
        Debug.removeModuleFilter("net.*")
        Debug.info("again", "net.http")
        Debug.clearModuleFilters()
        Debug.setDefaultFilterEnabled(false)
        Debug.info("nobody", "app")
        print(#Debug.getFilterSummary().rules)
        """,
    )
    assert shown.stderr.splitlines() == ["[INFO] net.dns.cache: x", "[INFO] app: x", "[INFO] net.http: again"]


def test_all_messages_can_be_read_again(client: EmbeddedClient) -> None:
    shown = run(
        client,
        """
        Debug.trace("one") Debug.warn("two", "m") Debug.warn("three")
        local kept = Debug.getCapturedEntries(2)
        print(#kept, kept[1].level, kept[1].message, kept[1].module, #Debug.getCapturedEntries())
        Debug.clearCaptured()
        print(#Debug.getCapturedEntries())
        """,
    )
    assert shown.stdout.splitlines() == ["2\tWARN\ttwo\tm\t3", "0"]


def test_timers_measure_and_report(client: EmbeddedClient) -> None:
    shown = run(
        client,
        """
        local outer = Debug.timer("outer")
        local inner = Debug.timer("inner")
        timer.sleep(0.01)
        local lap = inner:lap("half")
        Debug.recordEvent(inner, "cached", {hit = true})
        local took = inner:stop()
        assert(lap >= 10 and took >= lap and inner:elapsed() == took and inner:stop() == took)
        assert(outer:stop() >= took)
        print(Debug.performanceReport())
        print("---")
        print(Debug.jsonReport())
        print("---")
        print(Debug.flameGraph())
        """,
    )
    report, as_json, flames = shown.stdout.split("---\n")
    assert [line.split()[0] for line in report.splitlines()[:1]] == ["timer"]
    timers = {each["name"]: each for each in json.loads(as_json)["timers"]}
    assert timers["inner"]["inside"] == ["outer"] and timers["inner"]["laps"][0]["name"] == "half"
    assert timers["inner"]["events"][0]["metadata"] == {"hit": True}
    assert {line.rpartition(" ")[0] for line in flames.splitlines()} == {"outer", "outer;inner"}


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("Debug.dump({1, 2}, 'list')", "list: {1, 2}"),
        ("Debug.dumpCompact({a = {b = {c = 1}}})", "{a = {b = {c = 1}}}"),
        ("Debug.dumpWithOptions({a = {b = {c = 1}}}, {max_depth = 1})", "{a = {...}}"),
        ("#Debug.dumpVerbose({string.rep('x', 5000)}) > 5000", "true"),
        (
            "Debug.memoryStats().lua_bytes > 1e3 and Debug.memorySnapshot().memory_stats.process_bytes > 1e6",
            "true",
        ),
    ],
)
def test_values_as_text(client: EmbeddedClient, code: str, printed: str) -> None:
    assert run(client, f"print({code})").stdout.strip() == printed


def test_the_stack_is_told(client: EmbeddedClient) -> None:
    shown = run(
        client,
        "local function inner() return Debug.stackTrace(), Debug.stackTraceJson() end\n"
        "local function outer() local a, b = inner() return a, b end\n"
        "local text, json = outer()\nprint(text)\nprint(json)",
    )
    *lines, as_json = shown.stdout.splitlines()
    assert "inner" in lines[1] and "outer" in lines[2] and ":1:" in lines[1] and ":2:" in lines[2]
    assert [frame["line"] for frame in json.loads(as_json)][:3] == [1, 2, 3]
    assert len(json.loads(run(client, "print(Debug.stackTraceJson({max_depth = 1}))").stdout)) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Debug.log('loud', 'x')", "trace, debug, info, warn, error expected, got 'loud'"),
        ("Debug.setLevel(3)", "bad argument 'level' to 'Debug.setLevel' (string expected, got number)"),
        ("Debug.timer()", "bad argument 'name' to 'Debug.timer' (string expected, got no value)"),
        ("Debug.addAdvancedFilter('(', 'regex', true)", "is no regular expression"),
        (
            "Debug.addAdvancedFilter('(a|aa)+$', 'regex', true) Debug.info('m', ('a'):rep(40) .. '!')",
            "the filter '(a|aa)+$' takes longer than 0.1 s",
        ),
        ("Debug.dumpWithOptions({}, {colour = 1})", "there is no option 'colour'; it takes depth, length"),
        ("Debug.recordEvent('timer-99', 'x')", "no timer 'timer-99'"),
    ],
)
def test_misuse_is_told(client: EmbeddedClient, code: str, message: str) -> None:
    execution = client.execute(code)
    assert execution.error is not None and message in execution.error.evalue


def test_settings_choose_level_and_format() -> None:
    settings = {
        "debug": {"level": "warn", "output": {"format": "json"}, "module_filters": {"disabled": ["x.*"]}}
    }
    with start_embedded_kernel(settings) as client:
        lines = run(
            client, "Debug.info('no') Debug.warn('yes', 'm') Debug.error('no', 'x.y')"
        ).stderr.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["yes"]
