"""`State` as scripts see it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ...kernels import KernelSession
from ...lua.shell import LANGUAGES
from .conftest import Script


@pytest.fixture(params=LANGUAGES)
def script(request: pytest.FixtureRequest, new_script: Callable[..., Script]) -> Script:
    return new_script(language=request.param)


def test_names_of_the_original_and_of_old_examples(script: Script) -> None:
    script("State.save('user:1', 'k', {a = 1}) State.set('k', 'global value') State.set('user:2', 'k', 2)")
    assert (
        script("State.load('user:1', 'k').a, State.get('k'), State.get('user:2', 'k')")
        == '1\t"global value"\t2'
    )
    assert script("State.load('global', 'k') == State.read('k')") == "true"
    assert (
        script("State.exists('k'), State.exists('user:1', 'k'), State.exists('user:1', 'x')")
        == "true\ttrue\tfalse"
    )
    assert script(
        "State.list_keys('user:1'), State.keys(), State.list('user:2')"
    ) == '{"k"}\n{"k"}\n{"k"}'.replace("\n", "\t")
    assert script("State.all('user:2').k, State.scopes()[2]") == '2\t"user:1"'
    assert script("State.delete('k'), State.delete('k'), State.delete('user:1', 'k')") == "true\tfalse\ttrue"
    script("State.write('x', 1) State.write('global', 'x', nil)")
    assert script("State.get('x')") == "nil"
    script("for name, f in pairs(State) do assert(type(f) == 'function', name) end")


def test_scopes_of_agents_tools_and_workflows(script: Script) -> None:
    script(
        "State.agent_set('a', 'k', 1) State.tool_set('t', 'k', 2)"
        " State.save('workflow:w', 'step:one:output', 3)"
    )
    assert (
        script("State.agent_get('a', 'k'), State.tool_get('t', 'k'), State.load('agent:a', 'k')") == "1\t2\t1"
    )
    assert (
        script("State.workflow_get('w', 'one'), State.workflow_get('w', State.workflow_list('w')[1])")
        == "3\t3"
    )


def test_values_are_exact(script: Script) -> None:
    script(r"State.set('v', {1, nil, 3, x = 'y', [-1] = 2.5, t = true, b = '\255\0', deep = {{{}}}})")
    assert script(
        "local v = State.get('v') return v[1], v[2], v[3], v.x, v[-1], v.t, #v.b, v.b:byte(1), #v.deep"
    ) == ('1\tnil\t3\t"y"\t2.5\ttrue\t2\t255\t1')
    if script.runtime.settings.lua.language != "luajit":
        script("State.set('i', 3) State.set('f', 3.0) State.set('m', math.mininteger)")
        assert script(
            "math.type(State.get('i')), math.type(State.get('f')), State.get('m') == math.mininteger"
        ) == ('"integer"\t"float"\ttrue')


def test_null_stays_null(script: Script) -> None:
    script("State.set('k', JSON.null) State.set('t', {JSON.null, a = {JSON.null, 2}})")
    assert script("State.exists('k'), State.get('k') == JSON.null") == "true\ttrue"
    assert script(
        "local t, all = State.get('t'), State.all() "
        "return t[1] == JSON.null, t.a[1] == JSON.null, t.a[2], all.k == JSON.null, all.t.a[1] == JSON.null"
    ) == ("true\ttrue\t2\ttrue\ttrue")
    assert script("State.compare_and_set('global', 'k', nil, 1)") == "false"
    assert script("State.compare_and_set('global', 'k', JSON.null, 1), State.get('k')") == "true\t1"
    script("State.register_migration('1', '2', function(scope, key, value) return value end)")
    assert script("State.migrate('2').items_migrated, State.get('t').a[1] == JSON.null") == "0\ttrue"


def test_empty_arrays_and_objects_stay_what_they_were(script: Script) -> None:
    script("State.set('k', {list = JSON.array(), object = {}, deep = {{}}})")
    shown = '{"deep":[{}],"list":[],"object":{}}'
    assert script(f"JSON.stringify(State.get('k')) == '{shown}'") == "true"
    assert script("getmetatable(State.get('k').object)") == "nil"
    script("local k = State.get('k') k.list[1] = 5 State.set('k', JSON.array(k.list))")
    assert script("State.get('k')[1]") == "5"


def test_keys_that_cannot_be_told_apart_are_named(script: Script) -> None:
    message = "the value at .x has the keys 1 and true, which cannot be told apart outside of Lua"
    assert message in script.error("State.set('k', {x = {'i', [true] = 'b'}})")


def test_what_cannot_be_kept_is_refused_with_its_place(script: Script) -> None:
    assert "bad argument 'value' to 'State.set' (the value at .a.b is a function" in script.error(
        "State.set('k', {a = {b = print}})"
    )
    assert "bad argument 'value' to 'State.agent_set' (the value is a function" in script.error(
        "State.agent_set('a', 'k', print)"
    )
    assert "bad argument 'expected' to 'State.compare_and_set'" in script.error(
        "State.compare_and_set('s', 'k', print, 1)"
    )
    assert "cycle" in script.error("local t = {} t.t = t State.set('k', t)")
    assert "no UTF-8" in script.error("State.set('\\255', 1)")
    assert "cell [6]:2: the key is empty" in script.error("\nState.set('', 1)")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("State.save('global', 5, 1)", "bad argument 'key' to 'State.save' (string expected, got number)"),
        ("State.get()", "bad argument 'key' to 'State.get' (string expected, got no value)"),
        ("State.get('global', nil)", "bad argument 'key' to 'State.get' (string expected, got no value)"),
        (
            "State.set('s', 'k', 1, {ttl = -1})",
            "bad argument 'options.ttl' to 'State.set' (seconds above 0 expected",
        ),
        ("State.set('s', 'k', 1, {tll = 1})", "there is no option 'tll'; it takes ttl; did you mean 'ttl'?"),
        ("State.set('k', 'v', {ttl = 1})", "write State.set('global', key, value, {ttl = ...})"),
        ("State.write('k', 'v', {ttl = 1})", "in the scope 'k' write State.save(scope, key, {ttl = ...})"),
        (
            "State.increment('s', 'k', '1')",
            "bad argument 'by' to 'State.increment' (number expected, got string)",
        ),
        (
            "State.transaction(5)",
            "bad argument 'body' to 'State.transaction' (function expected, got number)",
        ),
    ],
)
def test_arguments_are_checked(new_script: Callable[..., Script], code: str, message: str) -> None:
    assert message in new_script().error(code)


def test_a_table_that_is_like_options_may_be_a_value(script: Script) -> None:
    script(
        "State.set('user:a', 'k', {ttl = 1}) State.set('global', 'k', {ttl = 2}) State.set('k2', {ttl = 3})"
    )
    script("State.save('s', 'k', {ttl = 4}) State.set('s', 'l', {ttl = 5, size = 1})")
    assert script(
        "State.get('user:a', 'k').ttl, State.get('k').ttl, State.get('k2').ttl, State.get('s', 'k').ttl, "
        "State.get('s', 'l').ttl"
    ) == ("1\t2\t3\t4\t5")


def test_several_steps_at_once(script: Script) -> None:
    assert script(
        "State.transaction(function() State.set('a', 1) State.increment('s', 'n') return 'x', nil, 3 end)"
    ) == ('"x"\tnil\t3')
    assert "boom" in script.error("State.transaction(function() State.set('a', 2) error('boom') end)")
    assert script("State.get('a'), State.get('s', 'n')") == "1\t1"
    assert (
        script("State.compare_and_set('s', 'n', 1, {7}), State.compare_and_set('s', 'n', 1, 2)")
        == "true\tfalse"
    )
    assert script("State.get('s', 'n')[1], State.clear('s'), State.info('s', 'n')") == "7\t1\tnil"


def test_values_end_after_their_time(script: Script) -> None:
    script("State.set('s', 'k', 1, {ttl = 0.000001}) State.save('s', 'l', 1, {ttl = 100})")
    assert script(
        "State.get('s', 'k'), State.info('s', 'l').version, State.info('s', 'l').expires_at > os.time()"
    ) == ("nil\t1\ttrue")


def test_backups(script: Script) -> None:
    script("State.set('k', 1) first = State.create_backup()")
    assert script("first.success, first.kind, first.entries") == 'true\t"full"\t1'
    script("State.set('k', 2) State.set('l', 1) second = State.create_backup(true)")
    assert script("second.kind, second.entries, second.base == first.id") == '"incremental"\t2\ttrue'
    assert script("#State.list_backups(), State.list_backups()[1].id == second.id") == "2\ttrue"
    assert script("State.validate_backup(second.id).is_valid") == "true"
    script("State.clear('global') restored = State.restore_backup(first.id)")
    assert script("restored.success, State.get('k'), State.get('l')") == "true\t1\tnil"
    assert script("State.restore_backup(restored.safety_backup).success, State.get('k')") == "true\tnil"
    assert script("State.restore_backup('nothing').error:match('no backup .nothing.') ~= nil") == "true"
    assert script("State.cleanup_backups(true).dry_run, #State.cleanup_backups().removed") == "true\t0"
    assert script("State.restore_backup(first.path).error:match('name a backup by its id') ~= nil") == "true"
    assert (
        script("local u = State.get_storage_usage() return u.backup_count >= 3, u.size_bytes > 0")
        == "true\ttrue"
    )


def test_migrations(script: Script) -> None:
    script("State.set('n', 1) State.set('gone', 1) State.set('user:1', 'name', 'x')")
    assert script("State.get_migration_status().current_version") == '"1.0.0"'
    assert (
        script("State.migrate('2.0').error:match('no migrations lead from 1.0.0 to 2.0.0') ~= nil") == "true"
    )
    script("""
    State.register_migration('1.0.0', '1.1.0', function(scope, key, value)
      if key == 'gone' then return nil end
      return value
    end)
    State.register_migration('1.1.0', '2.0.0', function(scope, key, value)
      if scope == 'user:1' then return {name = value} end
      return value
    end)""")
    assert script("#State.get_schema_versions(), #State.get_migration_status().pending") == "3\t2"
    script("done = State.migrate('2.0.0')")
    assert script("done.success, done.from_version, done.to_version, done.items_migrated") == (
        'true\t"1.0.0"\t"2.0.0"\t2'
    )
    assert script("State.get('user:1', 'name').name, State.get('gone'), State.get('n')") == '"x"\tnil\t1'
    assert script("#State.list_backups(), State.migrate('2.0.0').status") == '1\t"up_to_date"'


def test_a_migration_that_fails_changes_nothing(script: Script) -> None:
    script("State.set('a', 1) State.set('b', 'text')")
    script("State.register_migration('1', '2', function(scope, key, value) return value + 1 end)")
    script("done = State.migrate('2')")
    assert script("done.success, done.error ~= nil, State.get('a')") == "false\ttrue\t1"
    assert script("State.get_migration_status().current_version") == '"1.0.0"'


def test_migrations_can_be_forbidden(new_script: Callable[..., Script]) -> None:
    script = new_script({"runtime.state_persistence.migration_enabled": False})
    assert script("State.migrate('2').error:match('migration_enabled is false') ~= nil") == "true"


def test_two_runtimes_share_at_once(new_script: Callable[..., Script]) -> None:
    one, other = new_script(), new_script()
    one("State.set('k', {1})")
    assert other("State.get('k')[1]") == "1"
    other("State.get('k')[1] = 5")
    assert one("State.get('k')[1]") == "1"


def test_in_a_kernel(kernel: KernelSession) -> None:
    assert kernel.execute("State.set('face', {1, 2}) return #State.get('face')").result == "2"
    error = kernel.execute("State.set('face', coroutine.create(print))").error
    assert error is not None
    assert "is a function" in error["evalue"]
    kernel.execute("State.delete('face')")
