"""The global `Hook`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.hooks import Hooks, Thresholds
from llmspell_kernel.config.sections.runtime import Runtime as RuntimeSection
from llmspell_kernel.config.sections.state_persistence import StatePersistence
from llmspell_kernel.interpreter import Script
from llmspell_kernel.lua.state import LuaSettings

from ...lua.shell import LANGUAGES
from ..scripts import Scripts


def settings(**hooks: object) -> Settings:
    """With `State` in memory."""
    runtime = RuntimeSection(state_persistence=StatePersistence(enabled=False))
    return Settings(hooks=Hooks(**{"timeout_ms": 200.0, **hooks}), runtime=runtime)  # type: ignore[arg-type]


@pytest.fixture(params=LANGUAGES)
def scripts(request: pytest.FixtureRequest) -> Iterator[Scripts]:
    made = Scripts(settings(), LuaSettings(language=request.param))
    yield made
    made.runtime.close()


def test_hooks_of_scripts_are_called(scripts: Scripts) -> None:
    scripts.run(
        "h = Hook.register('BeforeStateWrite', function(c) seen = c return "
        "{type = 'modified', data = {value = c.data.value + 1}} end)"
    )
    assert scripts.run("State.set('k', 1) return State.get('k')") == "2"
    assert scripts.run(
        "seen.point, seen.component.type, seen.data.key, seen.language, type(seen.correlation_id)"
    ) == ('"BeforeStateWrite"\t"state"\t"k"\t"lua"\t"string"')
    assert scripts.run("seen.metadata.hook_id == h:id() and seen.metadata.priority") == '"normal"'
    assert (
        scripts.run("h:hook_point(), tostring(h)") == '"BeforeStateWrite"\t"hook hook-1 at BeforeStateWrite"'
    )
    assert scripts.run("h:unregister(), h:unregister()") == "true\tfalse"
    assert scripts.run("State.set('k', 1) return State.get('k')") == "1"


def test_answers(scripts: Scripts) -> None:
    scripts.run("State.set('k', 0) Hook.register('BeforeStateWrite', function() return answer end)")
    for answer, kept in (
        ("nil", "1"),
        ("'continue'", "2"),
        ("'skip'", "2"),
        ("{type = 'replace', data = 'r'}", '"r"'),
    ):
        scripts.run(f"answer = {answer}")
        assert (
            scripts.run(
                f"State.set('k', {kept if kept.isdigit() and 'skip' not in answer else 9}) return "
                f"State.get('k')"
            )
            == kept
        )
    scripts.run("answer = {type = 'redirect', target = 'other'} State.set('k', 5)")
    assert scripts.run("State.get('other')") == "5"
    scripts.run("answer = 'not today'")
    assert "cancelled by the hook 'BeforeStateWrite#1' at BeforeStateWrite: not today" in scripts.fail(
        "State.set('k', 5)"
    )


def test_tools_can_be_changed_replaced_and_refused(scripts: Scripts) -> None:
    call = "Tool.execute('base64-encoder', {operation = 'encode', input = 'a'}).result"
    plain = scripts.run(call)
    scripts.run(
        "h = Hook.register('BeforeToolExecution', function(c) return {type = 'modified', data = {params = "
        "{operation = 'encode', input = 'b'}}} end)"
    )
    assert scripts.run(call) != plain
    scripts.run(
        "h:unregister() h = Hook.register('BeforeToolExecution', function(c) return {type = 'replace', data "
        "= 42} end)"
    )
    assert scripts.run(call) == "42"
    scripts.run(
        "h:unregister() h = Hook.register('BeforeToolExecution', function(c) if c.component.name == "
        "'base64-encoder' then return 'forbidden' end end)"
    )
    assert "forbidden" in scripts.fail(call)
    scripts.run("h:unregister()")
    assert scripts.run(call) == plain


def test_one_that_is_no_longer_referred_to_goes_on(scripts: Scripts) -> None:
    scripts.run(
        "Hook.register('BeforeStateRead', function() called = true end) collectgarbage() collectgarbage()"
    )
    assert scripts.run("State.get('k') return called") == "true"


def test_a_hook_that_takes_too_long_is_ended_and_nothing_else(scripts: Scripts) -> None:
    bodies = ["while true do pcall(timer.sleep, 60) end"]
    if scripts.runtime.settings.lua.language != "luajit":
        bodies += [
            "while true do end",
            "while true do pcall(error, 1) end",
            "coroutine.wrap(function() while true do pcall(error, 1) end end)()",
        ]
    for body in bodies:
        scripts.run(f"h = Hook.register('BeforeStateWrite', function(c) {body} end, {{name = 'slow'}})")
        assert scripts.run(
            "State.set('k', 1) n = 0 for i = 1, 1e5 do n = n + 1 end return State.get('k'), n"
        ) in ("1\t100000",)
        assert "the hook 'slow' at BeforeStateWrite has failed: it ran longer than 0.2 s" in scripts.output()
        scripts.run("h:unregister()")
    assert scripts.run("coroutine.wrap(function() return 1 end)()") == "1"


def test_the_user_may_interrupt_a_hook(scripts: Scripts) -> None:
    if scripts.runtime.settings.lua.language == "luajit":
        pytest.skip("LuaJIT's compiled loops cannot be interrupted")
    scripts.runtime.services.settings = settings(timeout_ms=60_000.0)
    scripts.run("Hook.register('BeforeStateWrite', function(c) while true do end end)")
    timer = threading.Timer(0.1, scripts.runtime.interrupt)
    timer.start()
    outcome = scripts.outcome("State.set('k', 1)")
    timer.join()
    assert outcome.error is not None and outcome.error.name == "KeyboardInterrupt"


def test_a_hook_that_fails_changes_nothing(scripts: Scripts) -> None:
    scripts.run("Hook.register('BeforeStateWrite', function(c) error('oops') end)")
    assert scripts.run("State.set('k', 1) return State.get('k')") == "1"
    assert "has failed: cell [1]:1: oops" in scripts.output()
    assert scripts.run("local h = Hook.list()[1] return h.failures, h.calls, h.circuit") == '1\t1\t"closed"'
    for _ in range(4):
        scripts.run("State.set('k', 1)")
    assert scripts.run("Hook.list()[1].circuit") == '"open"'


def test_hooks_that_do_what_they_watch(scripts: Scripts) -> None:
    scripts.run("n = 0 Hook.register('BeforeStateWrite', function(c) n = n + 1 State.set('other', n) end)")
    assert scripts.run("State.set('k', 1) return State.get('other'), n") == "1\t1"


def test_code(scripts: Scripts) -> None:
    scripts.run(
        "Hook.register('PreCodeExecution', function(c) if c.data.code == 'forbidden()' then return 'no' end "
        "end) "
        "Hook.register('PostCodeExecution', function(c) last = c.data end)"
    )
    assert scripts.run("1 + 1") == "2"
    assert scripts.run("last.code, last.success, last.result, last.number") == '"1 + 1"\ttrue\t"2"\t2'
    assert "no" in scripts.fail("forbidden()")
    scripts.fail("error('oops')")
    assert scripts.run("last.success, last.error.name") == 'false\t"LuaError"'


def test_what_hooks_answer_decides_about_code(scripts: Scripts) -> None:
    scripts.run(
        "ran = {} Hook.register('PreCodeExecution', function(c) if c.data.code:find('^ran') then return "
        "answer end end)"
    )
    code = "ran[#ran + 1] = 1 return 'as it was'"
    for answer, result, runs in (
        ("nil", '"as it was"', 1),
        ("'skip'", None, 1),
        ("{type = 'skipped', reason = 'later'}", None, 1),
        ("{type = 'replace', data = {result = 42}}", "{result = 42}", 1),
        ("{type = 'modified', data = {code = 'ran[#ran + 1] = 2 return #ran'}}", "2", 2),
    ):
        scripts.run(f"answer = {answer}")
        assert scripts.run(code) == result, answer
        assert scripts.run("#ran") == str(runs)
    scripts.run("answer = {type = 'replace', data = 'kept'}")
    scripts.run(code)
    assert scripts.run(f"Out[{scripts.number}]") == '"kept"'
    for answer, problem in (
        ("{type = 'cancel', reason = 'not now'}", "at PreCodeExecution: not now"),
        ("{type = 'redirect', target = 'x'}", "'redirect', which code does not know"),
    ):
        scripts.run(f"answer = {answer}")
        assert problem in scripts.fail(code)
    assert scripts.run("#ran") == "2"


@pytest.mark.parametrize(
    ("point", "answer", "problem"),
    [
        ("BeforeStateWrite", "{type = 'modified', data = {operation = 'delete'}}", "scope, key, value can"),
        ("BeforeStateWrite", "{type = 'modified', data = {key = 5}}", "key = 5; give a string, as it was"),
        (
            "BeforeStateWrite",
            "{type = 'modified', data = {other = 5}}",
            "other, which cannot be changed",
        ),
        ("AfterStateWrite", "{type = 'modified', data = {value = 5}}", "at AfterStateWrite; nothing can"),
        ("BeforeStateWrite", "false", "it answered false; answer nothing"),
        ("BeforeStateWrite", "{}", "it answered a table; answer nothing"),
        ("BeforeStateWrite", "{other = 1}", "it answered a table without a type"),
    ],
)
def test_answers_that_can_change_nothing_are_told(point: str, answer: str, problem: str) -> None:
    scripts = Scripts(settings())
    scripts.run(f"Hook.register('{point}', function(c) return {answer} end)")
    assert scripts.run("State.set('k', 1) return State.get('k')") == "1"
    assert problem in scripts.output()
    scripts.runtime.close()


def test_hooks_revise_results_of_code(scripts: Scripts) -> None:
    scripts.run(
        "Hook.register('PostCodeExecution', function(c) if c.data.code == '1' then return answer end end)"
    )
    for answer, result in (
        ("nil", "1"),
        ("'skip'", "1"),
        ("{type = 'replace', data = {2}}", "{2}"),
        ("{type = 'modified', data = {result = 'censored'}}", "censored"),
    ):
        scripts.run(f"answer = {answer}")
        assert scripts.run("1") == result, answer
    scripts.run("answer = 'not to be shown'")
    assert "at PostCodeExecution: not to be shown" in scripts.fail("1")


def test_hooks_of_code_that_runs_already() -> None:
    scripts = Scripts(settings(), LuaSettings(time_limit=0.5))
    points = "{'PostCodeExecution', 'ResourceLimitExceeded'}"
    register = (
        f"for _, point in ipairs{points} do "
        "Hook.register(point, function(c) print(c.point, c.data.resource, c.data.duration_ms > 400) end) end "
    )
    outcome = scripts.runtime.execute_script(register + "while true do end", Script("endless.lua"))
    assert outcome.error is not None and outcome.error.name == "CellTimeLimit"
    assert scripts.output() == "PostCodeExecution\tnil\ttrue\nResourceLimitExceeded\ttime\ttrue\n"
    scripts.runtime.close()


def test_hooks_for_scripts_give_what_they_return() -> None:
    scripts = Scripts(settings())
    hooks = scripts.runtime.services.hooks
    hook = hooks.register("PreCodeExecution", lambda context: {"type": "replace", "data": {"a": [1]}})
    outcome = scripts.runtime.execute_script("return 1", Script("one.lua"))
    assert outcome.result is not None and outcome.result.data["application/json"] == {"a": [1]}
    hooks.unregister(hook.id)
    hooks.register("PreCodeExecution", lambda context: {"type": "modified", "data": {"code": "return 2"}})
    outcome = scripts.runtime.execute_script("return 1", Script("one.lua"))
    assert outcome.result is not None and outcome.result.data["application/json"] == 2
    scripts.runtime.close()


@pytest.mark.parametrize("language", ["lua54", "lua55"])
def test_hooks_hear_of_full_memory(language: str) -> None:
    scripts = Scripts(settings(), LuaSettings(language=language, memory_limit=30_000_000))
    scripts.run(
        "Hook.register('ResourceLimitExceeded', function(c) print(c.data.resource .. ' is full') t = nil end)"
    )
    assert "not enough memory" in scripts.fail("t = {} for i = 1, 1e8 do t[i] = {i} end")
    assert scripts.output() == "memory is full\n"
    assert scripts.run("1") == "1"
    scripts.runtime.close()


def test_performance_and_limits() -> None:
    thresholds = Thresholds(cell_seconds=0.3, memory_mb=1)
    scripts = Scripts(settings(thresholds=thresholds), LuaSettings(time_limit=1.0))
    scripts.run(
        "told = {} for _, point in ipairs{'PerformanceThresholdExceeded', 'MemoryUsageHigh', "
        "'ResourceLimitExceeded'} do "
        "Hook.register(point, function(c) told[#told + 1] = c.point .. (c.data.resource or '') end) end"
    )
    scripts.run("1")
    assert scripts.run("table.concat(told, ' ')") == '"MemoryUsageHigh MemoryUsageHigh"'
    scripts.run("told = {} timer.sleep(0.31)")
    assert "PerformanceThresholdExceeded" in (scripts.run("table.concat(told, ' ')") or "")
    scripts.run("told = {}")
    scripts.fail("while true do end")
    assert "ResourceLimitExceededtime" in (scripts.run("table.concat(told, ' ')") or "")
    scripts.runtime.close()


def test_the_processor() -> None:
    scripts = Scripts(settings(thresholds=Thresholds(cpu_percent=10)))
    scripts.run("Hook.register('CpuUsageHigh', function(c) percent = c.data.cpu_percent end)")
    scripts.run("local t = os.clock() while os.clock() - t < 1.1 do end")
    assert scripts.run("percent > 10") == "true"
    scripts.runtime.close()


def test_settings(scripts: Scripts) -> None:
    scripts.run("Hook.register('ConfigurationChange', function(c) changed = c.data.changes[1] end)")
    scripts.run("Config.setProvider('mine', {max_tokens = 7})")
    assert "providers.mine" in (scripts.run("changed.key") or "")
    scripts.run("Hook.register('ConfigurationChange', function(c) return 'frozen' end)")
    assert "frozen" in scripts.fail("Config.setProvider('other', {})")
    assert scripts.run("Config.getProvider('other')") == "nil"


def test_start_and_end(scripts: Scripts) -> None:
    scripts.run("Hook.register('SystemStartup', function() print('started') end)")
    scripts.run("Hook.register('SystemShutdown', function() print('ended') end)")
    assert scripts.output() == "started\n"
    scripts.runtime.close()
    assert scripts.output() == "ended\n"


def test_what_other_threads_come_to_is_told_later(scripts: Scripts) -> None:
    posted: list[Callable[[], None]] = []

    def call_later(seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        posted.append(callback)
        return lambda: None

    scripts.frontend.call_later = call_later  # type: ignore[method-assign]
    scripts.run("Hook.register('SecurityViolation', function(c) rule = c.data.rule return 'too late' end)")
    thread = threading.Thread(target=lambda: scripts.runtime.services.security_violation("a rule"))
    thread.start()
    thread.join()
    assert scripts.run("rule") == "nil"
    posted[0]()
    assert scripts.run("rule") == '"a rule"'


def test_points_of_ones_own(scripts: Scripts) -> None:
    scripts.run(
        "Hook.register('custom:order', function(c) return {type = 'modified', data = {total = c.data.total "
        "* 2}} end)"
    )
    assert scripts.run(
        "local d = Hook.run('custom:order', {total = 4, a = {1}}) return d.action, d.data.total, d.data.a"
    ) == ('"continue"\t8\t{1}')
    assert scripts.run("Hook.run('custom:nobody').action") == '"continue"'
    assert scripts.run("#Hook.points().agent, Hook.points().event[1]") == '7\t"BeforeEventEmit"'


def test_listing(scripts: Scripts) -> None:
    scripts.run(
        "a = Hook.register('ToolError', print, 'high', {name = 'mine', description = 'd', tags = {'x'}}) "
        "Hook.register('BeforeStateRead', print, {priority = 'low'})"
    )
    assert (
        scripts.run(
            "#Hook.list(), #Hook.list('ToolError'), #Hook.list{tag = 'x'}, #Hook.list{priority = 'low', "
            "language = 'lua'}"
        )
        == "2\t1\t1\t1"
    )
    assert scripts.run(
        "local h = Hook.list('ToolError')[1] return h.name, h.priority, h.language, h.version, "
        "h.description, h.tags[1]"
    ) == ('"mine"\t"high"\t"lua"\t"1.0.0"\t"d"\t"x"')
    assert scripts.run(
        "Hook.unregister(a), Hook.unregister(a), Hook.unregister({}), Hook.unregister(1), Hook.unregister()"
    ) == ("true\tfalse\tfalse\tfalse\tfalse")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Hook.register()", "bad argument 'point' to 'Hook.register' (string expected, got no value)"),
        ("Hook.register('ToolError')", "bad argument 'callback' to 'Hook.register' (function expected"),
        ("Hook.register('ToolEror', print)", "Unknown hook point: ToolEror; did you mean ToolError?"),
        ("Hook.register('ToolError', print, 'urgent')", "Unknown hook priority: urgent"),
        (
            "Hook.register('ToolError', print, 'low', {nam = 'x'})",
            "it takes name, description, priority, tags; did you mean 'name'?",
        ),
        ("Hook.list{x = 1}", "Hook.list has no filter 'x'"),
        ("Hook.run('ToolError')", "begins with custom: expected"),
        ("Hook.enable('loging')", "did you mean logging?"),
        (
            "Hook.enable('retry', {delay_ms = 'x'})",
            "bad argument 'options' to 'Hook.enable' (retry: delay_ms: expected a number from 0 on",
        ),
        (
            "Hook.enable('caching', {ttl = 60})",
            "bad argument 'options' to 'Hook.enable' (there is no option 'ttl'; it takes ",
        ),
        ("Hook.enable('caching', {ttl = 60})", "; did you mean 'ttl_seconds'?"),
        ("Hook.report('retry')", "is not on"),
        ("Hook.register('ToolError', print).id()", "call it as hook:id()"),
    ],
)
def test_wrong_arguments(scripts: Scripts, code: str, message: str) -> None:
    said = scripts.fail(code)
    assert message in said and said.startswith("cell [1]:1: ")


def test_no_way_of_reading_leads_around_hooks(scripts: Scripts) -> None:
    scripts.run("State.set('secret', 7) State.set('open', 1)")
    scripts.run(
        "told = {} Hook.register('BeforeStateRead', function(c) told[#told + 1] = c.data.operation "
        "if c.data.key == 'secret' then return answer end end)"
    )
    for read in (
        "State.get('secret')",
        "State.all('global')",
        "State.exists('secret')",
        "State.compare_and_set('global', 'secret', 7, 8)",
        "State.increment('global', 'secret')",
    ):
        scripts.run("answer = 'it is secret' told = {}")
        assert "at BeforeStateRead: it is secret" in scripts.fail(read)
        scripts.run("answer = 'skip'")
    assert scripts.run("State.all('global')") == "{open = 1}"
    assert scripts.run("State.exists('secret'), State.exists('open')") == "false\ttrue"
    assert scripts.run("State.compare_and_set('global', 'secret', 7, 8)") == "false"
    scripts.run("answer = {type = 'replace', data = 'masked'}")
    assert scripts.run("State.all('global').secret, State.exists('secret')") == '"masked"\ttrue'
    scripts.run("answer = nil")
    assert scripts.run("State.all('global').secret") == "7"
