"""The hooks that come with the program."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmspell_kernel.config.loading import load
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.builtin_hooks import BuiltinHooks, LoggingHook, SecurityHook
from llmspell_kernel.config.sections.hooks import Hooks
from llmspell_kernel.errors import CancelledError, ScriptError
from llmspell_kernel.library.services import Services
from llmspell_kernel.runtime import Runtime, runtime_settings

from ...lua.shell import MemoryFrontend
from ..scripts import Scripts

CALCULATE = "Tool.execute('calculator', {operation = 'evaluate', input = '6 * 7'})"
HASH = "Tool.execute('hash-calculator', {operation = 'hash', input = 'a'})"


@pytest.fixture
def scripts() -> Iterator[Scripts]:
    made = Scripts()
    yield made
    made.runtime.close()


def test_logging(scripts: Scripts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "llmspell.hooks")
    scripts.run("Hook.enable('logging', {points = {'*ToolExecution'}})")
    scripts.run(CALCULATE)
    assert [record.message.split(" [")[0] for record in caplog.records] == [
        "BeforeToolExecution: calculator",
        "AfterToolExecution: calculator",
    ]
    scripts.run("Hook.enable('logging', {points = {'Before*'}, output = 'stderr', include_data = true})")
    scripts.run(CALCULATE)
    written = scripts.output()
    assert "BeforeToolExecution: calculator" in written and "'6 * 7'" in written
    assert scripts.run(
        "Hook.report('logging').lines > 0, Hook.disable('logging'), Hook.disable('logging')"
    ) == ("true\ttrue\tfalse")


def test_metrics_of_several_threads(scripts: Scripts) -> None:
    hooks = scripts.runtime.services.hooks
    together = threading.Barrier(4)

    def come(_number: int) -> None:
        together.wait()
        hooks.observe("SessionStart", {})

    with ThreadPoolExecutor(4) as pool:
        for _ in range(50):
            hooks.builtin.enable("metrics", {})
            list(pool.map(come, range(4)))
            assert hooks.builtin.report("metrics")["points"]["SessionStart"] == 4


def test_metrics(scripts: Scripts) -> None:
    scripts.run(f"Hook.enable('metrics') {CALCULATE} {CALCULATE}")
    assert scripts.run("Hook.report('metrics').points.AfterToolExecution") == "2"
    assert scripts.run(
        "local d = Hook.report('metrics').durations['tool:calculator'] return d.count, d.mean_ms <= d.max_ms"
    ) == ("2\ttrue")


def test_debugging(scripts: Scripts) -> None:
    scripts.run(f"Hook.enable('debugging', {{size = 1, points = {{'BeforeTool*'}}}}) {HASH} {CALCULATE}")
    assert scripts.run(
        "local c = Hook.report('debugging').contexts return #c, c[1].component.name, c[1].data.params.input"
    ) == ('1\t"calculator"\t"6 * 7"')


def test_what_acts_or_changes_by_itself_is_not_cached(scripts: Scripts, tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    scripts.run("Hook.enable('caching')")
    call = f"Tool.execute('json-processor', {{operation = 'parse', file_path = '{file}'}})"
    for text in ("1", "2"):
        file.write_text(text)
        scripts.outcome(call)
        scripts.run("Tool.execute('uuid-generator', {})")
        scripts.run("Tool.execute('system-monitor', {})")
    assert scripts.run("Hook.report('caching').hits, Hook.report('caching').entries") == "0\t0"


def test_caching(scripts: Scripts) -> None:
    scripts.run("Hook.enable('caching') n = 0 Hook.register('AfterToolExecution', function() n = n + 1 end)")
    first = scripts.run(f"{CALCULATE}.result.result")
    assert scripts.run(f"{CALCULATE}.result.result") == first == "42"
    assert scripts.run("n") == "1"
    scripts.run("Tool.execute('calculator', {operation = 'evaluate', input = '1 + 1'})")
    assert scripts.run("n, Hook.report('caching').hits, Hook.report('caching').entries") == "2\t1\t2"
    ids = "Tool.execute('uuid-generator', {}).result.uuid"
    assert scripts.run(f"local a, b = {ids}, {ids} return a ~= nil and a ~= b") == "true"
    assert "success = false" in (
        scripts.run("Tool.execute('calculator', {operation = 'evaluate', input = '1 +'})") or ""
    )
    assert scripts.run("Hook.report('caching').entries") == "2"


def test_cached_results_end(scripts: Scripts) -> None:
    scripts.run("Hook.enable('caching', {ttl_seconds = 0.01, max_entries = 1})")
    scripts.run(f"{CALCULATE} timer.sleep(0.02) {CALCULATE}")
    assert scripts.run("Hook.report('caching').hits, Hook.report('caching').entries") == "0\t1"


def test_rate_limit(scripts: Scripts) -> None:
    scripts.run("Hook.enable('rate_limit', {per_minute = 2})")
    scripts.run(f"{CALCULATE} {CALCULATE} {HASH}")
    assert "more than 2 in a minute; the next may come in " in scripts.fail(CALCULATE)
    assert scripts.run("Hook.report('rate_limit').refused['BeforeToolExecution calculator']") == "1"
    scripts.run("Hook.enable('rate_limit', {per_minute = 1, per_component = false})")
    scripts.run(HASH)
    assert "in a minute" in scripts.fail(CALCULATE)


def test_retry(scripts: Scripts) -> None:
    scripts.run("Hook.enable('retry', {delay_ms = 1, max_attempts = 3})")
    scripts.run(
        "tries = 0 Tool.register{name = 'flaky', description = 'fails', parameters = {}, execute = "
        "function() "
        "tries = tries + 1 if tries < 3 then error('not yet') end return {text = 'now'} end}"
    )
    assert "now" in (scripts.run("Tool.execute('flaky', {})") or "")
    assert scripts.run("tries, Hook.report('retry').retries.flaky") == "3\t2"
    assert "no_such" in scripts.fail("Tool.execute('calculator', {no_such = 1})")
    assert scripts.run("Hook.report('retry').retries.calculator") == "nil"


def test_cost_tracking(scripts: Scripts) -> None:
    scripts.run("Hook.enable('cost_tracking', {costs = {['hash-*'] = 0.5}, budget = 0.9})")
    scripts.run(f"{HASH} {CALCULATE}")
    assert "it costs 0.5, and 0.5 of 0.9 are spent" in scripts.fail(HASH)
    assert scripts.run(
        "local r = Hook.report('cost_tracking') return r.total, r.budget, r.calls.calculator"
    ) == ("0.5\t0.9\t1")
    assert "no name and cost" in scripts.fail("Hook.enable('cost_tracking', {costs = {'much'}})")


def test_security(scripts: Scripts) -> None:
    scripts.run(
        "Hook.enable('security', {blocked_tools = {'hash-*'}, blocked_texts = {'*secret*'}, blocked_levels = "
        "{'privileged'}}) broken = {} "
        "Hook.register('SecurityViolation', function(c) broken[#broken + 1] = c.data.rule end)"
    )
    assert "blocked_tools forbids it" in scripts.fail(HASH)
    said = scripts.fail("Tool.execute('base64-encoder', {operation = 'encode', input = 'my secret'})")
    assert "blocked_texts forbids it" in said
    scripts.run(CALCULATE)
    assert scripts.run("table.concat(broken, ' ')") == (
        '"hooks.builtin.security.blocked_tools hooks.builtin.security.blocked_texts"'
    )
    assert scripts.run("Hook.report('security').refused[1].tool") == '"hash-calculator"'


def test_they_are_listed(scripts: Scripts) -> None:
    scripts.run("Hook.enable('retry', {delay_ms = 7})")
    assert scripts.run(
        "local n = {} for i, h in ipairs(Hook.builtin()) do n[i] = h.name end return table.concat(n, ' ')"
    ) == ('"logging metrics debugging caching rate_limit retry cost_tracking security"')
    assert (
        scripts.run("local h = Hook.builtin()[6] return h.enabled, h.options.delay_ms, #h.description > 0")
        == "true\t7.0\ttrue"
    )
    assert scripts.run("#Hook.list{tag = 'builtin'}, Hook.list{tag = 'builtin'}[1].name") == '1\t"retry"'


def test_the_settings_have_them_on_from_the_start(tmp_path: Path) -> None:
    file = tmp_path / "llmspell.toml"
    file.write_text(
        "[hooks.builtin.security]\nenabled = true\nblocked_tools = ['hash-*']\n"
        "[hooks.builtin.logging]\nenabled = true\noutput = 'stderr'\npoints = ['System*']\n"
    )
    environ = {"HOME": str(tmp_path), "LLMSPELL_HOOKS_RATE_LIMIT": "7"}
    settings = load(str(file), environ=environ).settings
    assert settings.hooks.rate_limit_per_minute == 7
    frontend = MemoryFrontend()
    runtime = Runtime(frontend, runtime_settings(settings))
    assert b"SystemStartup: system" in frontend.written[0][1]
    outcome = runtime.execute(HASH, number=1)
    assert outcome.error is not None and "blocked_tools forbids it" in outcome.error.value
    runtime.close()
    assert b"SystemShutdown" in frontend.written[0][1]


def test_without_lua() -> None:
    options = BuiltinHooks(security=SecurityHook(enabled=True, allowed_tools=["a"]), logging=LoggingHook())
    services = Services(lambda: Settings(hooks=Hooks(builtin=options)))
    services.hooks.run("BeforeToolExecution", {"tool": "a"})
    with pytest.raises(CancelledError, match="allowed_tools"):
        services.hooks.run("BeforeToolExecution", {"tool": "b"})
    with pytest.raises(ScriptError, match="did you mean metrics"):
        services.hooks.builtin.enable("metric", {})
    with pytest.raises(ScriptError, match="size"):
        services.hooks.builtin.enable("debugging", {"size": 0})
    services.close()
