"""`Session` as scripts see it: recording and replaying included."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_kernel.library.services import Services

from .conftest import MakeServices, Shell, settings_for


def test_functions_and_builder(shell: Shell) -> None:
    names = (
        "create builder get list save load complete suspend resume delete get_current set_current can_replay "
        "replay get_replay_metadata list_replayable"
    ).split()
    for name in names:
        assert shell.run(f"type(Session.{name})") == '"function"'
    shell.run("id = Session.builder():name('june'):description('d'):tag('a'):tag('b'):build()")
    assert shell.run("local s = Session.get(id) return s.name, s.description, s.tags[1] .. s.tags[2]") == (
        '"june"\t"d"\t"ab"'
    )
    shell.run(
        "id = Session.create{name = 'x', project = 'apollo', parent = id, "
        "custom_metadata = {n = 1, z = JSON.null}}"
    )
    assert (
        shell.run("local m = Session.get(id).custom_metadata return m.project, m.n, m.z")
        == '"apollo"\t1\tnull'
    )
    assert shell.run("Session.get(Session.get(id).parent_session_id).name") == '"june"'
    assert shell.run(
        "#Session.list(), #Session.list{tags = {'a', 'b'}}, #Session.list{status = 'completed'}"
    ) == ("2\t1\t0")
    assert shell.run("tostring(Session.builder():name('x'))") == '"Session.Builder: x"'
    assert shell.run("Session.load(id) == id") == "true"


def test_statuses(shell: Shell) -> None:
    shell.run("id = Session.create()")
    for code, status in (
        ("suspend(id)", "suspended"),
        ("resume(id)", "active"),
        ("fail(id, 'no disk')", "failed"),
        ("archive(id)", "archived"),
    ):
        shell.run(f"Session.{code}")
        assert shell.run("Session.get(id).status") == f'"{status}"'
    assert shell.run("Session.get(id).failure") == '"no disk"'
    assert (
        "is archived: to resume it, it must be expired or suspended" in shell.fail("Session.resume(id)").value
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Session.get('nope')", "Invalid session ID 'nope'"),
        ("Session.get()", "bad argument 'session_id' to 'Session.get' (string expected, got no value)"),
        ("Session.create('x')", "bad argument 'options' to 'Session.create' (table expected, got string)"),
        ("Session.create{name = 5}", "bad option 'name' of 'Session.create' (a text expected, got number 5)"),
        (
            "Session.create{tags = {1}}",
            "bad option 'tags' of 'Session.create' (a text expected, got number 1)",
        ),
        ("Session.list{state = 'x'}", "to 'Session.list' (there is no option 'state'; it takes tags, status"),
        (
            "Session.list{limit = true}",
            "bad option 'limit' of 'Session.list' (a whole number expected, got boolean",
        ),
        ("Session.builder().name('x')", "bad argument 'self' to 'builder:name'"),
        (
            "Session.create{custom_metadata = {f = print}}",
            "bad argument 'options' to 'Session.create' (the value at .custom_metadata.f is a function",
        ),
        ("Session.replay(Session.create())", "nothing has run in session"),
        ("Session.replay('x', {mode = 'fast'})", "no mode 'fast'; choose one of: exact, modified"),
        ("Session.replay('x', {timeout_seconds = 0})", "timeout_seconds must be more than 0"),
        ("Session.replay('x', {speed = 2})", "'Session.replay' (there is no option 'speed'"),
    ],
)
def test_what_does_not_fit(shell: Shell, code: str, message: str) -> None:
    said = shell.fail(code).value
    assert message in said
    assert said.startswith("cell [1]:1: ")


def test_nothing_is_recorded_without_a_current_session(shell: Shell) -> None:
    assert shell.run("Session.get_current()") == "nil"
    shell.run("id = Session.create() print('not this')")
    assert shell.run("Session.can_replay(id), #Session.list_replayable(), #Session.runs(id)") == "false\t0\t0"
    assert "Invalid session ID" in shell.fail("Session.runs()").value


def test_what_runs_is_recorded(shell: Shell) -> None:
    shell.run("id = Session.create() Session.set_current(id)")
    shell.run("print('one') io.stderr:write('two\\n') print('ä', '\\255')")
    shell.run("6 * 7")
    shell.fail("error('oops')")
    shell.run("Artifact.store('', 'tool_result', 'n', 'abc') State.save('global', 'k', 1)")
    runs = "local r = Session.runs()"
    assert shell.run(f"{runs} return r[2].stdout == 'one\\nä\\t\\\\xff\\n'") == "true"
    assert shell.run(f"{runs} return r[2].stderr == 'two\\n', r[2].number, r[2].status") == 'true\t2\t"ok"'
    assert shell.run(f"{runs} return r[3].result, r[3].code") == '"42"\t"6 * 7"'
    assert shell.run(f"{runs} return r[4].error, r[4].status") == '"LuaError: cell [4]:1: oops"\t"error"'
    assert shell.run(f"{runs} return r[5].stored[1].kind, r[5].stored[1].name") == '"artifact.stored"\t"n"'
    assert shell.run(f"{runs} return r[5].stored[2].kind, r[5].stored[2].key") == '"state.changed"\t"k"'
    assert shell.run(f"{runs} return #r") == "11"
    assert shell.run("Session.can_replay(id), Session.list_replayable()[1] == id") == "true\ttrue"
    assert shell.run("local m = Session.get_replay_metadata(id) return m.failed_cells, m.language") == (
        f'1\t"{shell.runtime.settings.lua.language}"'
    )
    shell.run("Session.set_current(nil)")
    assert shell.run("Session.get_current()") == "nil"
    count = shell.run("#Session.runs(id)")
    assert shell.run("#Session.runs(id)") == count
    assert "has the runs 1 to 15, and none" in shell.fail("Session.replay(id, {from_step = 50})").value


def test_who_completes_the_current_session_has_none(shell: Shell) -> None:
    shell.run("id = Session.create() Session.set_current(id)")
    shell.run("Session.complete(id)")
    assert shell.run("Session.get_current()") == "nil"
    assert "is completed: use another one" in shell.fail("Session.set_current(id)").value


def test_output_is_recorded_up_to_its_limit(tmp_path: Path) -> None:
    shell = Shell(settings_for(tmp_path, max_recorded_output_bytes=100))
    shell.run("Session.set_current(Session.create())")
    shell.run("print(('x'):rep(1000))")
    assert shell.run("local r = Session.runs()[2] return #r.stdout, r.dropped_bytes") == "100\t901"
    assert (
        shell.run("Session.replay(Session.get_current(), {from_step = 2, to_step = 2}).status")
        == '"identical"'
    )
    shell.runtime.close()


def record(shell: Shell, *cells: str) -> None:
    """Runs cells in a session whose id is the global `id`; nothing is recorded afterwards."""
    session_id = shell.run("id = Session.create{name = 'recorded'} return id")
    assert session_id is not None
    shell.services.sessions.set_current(session_id.strip('"'))
    for cell in cells:
        shell.outcome(cell)
    shell.services.sessions.set_current(None)


def test_an_exact_replay_is_identical(shell: Shell) -> None:
    record(
        shell,
        "local x = 20 function double(n) return 2 * n end",
        "print({}) return double(x) + 2",
        "error('on purpose')",
        "State.save('global', 'k', (State.load('global', 'k') or 0) + 1) return State.load('global', 'k')",
        "Session.get_current(), #Artifact.list(''), Artifact.store('', 'tool_result', 'n', 'abc').sequence",
    )
    shell.run("r = Session.replay(id, {metadata = {why = 'test'}})")
    assert shell.run("r.diff") == '""'
    assert shell.run("r.status, r.success, r.executed, r.metadata.why") == '"identical"\ttrue\t5\t"test"'
    assert shell.run("r.cells[3].status, r.cells[3].identical") == '"error"\ttrue'
    # The replay's State and artifacts are its own.
    assert shell.run("State.load('global', 'k'), #Artifact.list(id), #Session.list()") == "1\t1\t1"


def test_a_difference_is_told(shell: Shell) -> None:
    shell.run("Session.create()")
    record(shell, "x = 1", "print('a') print(#Session.list(), 'b') return 1", "print('same')")
    shell.run("r = Session.replay(id)")
    assert shell.run("r.status, r.success, r.different, r.cells[2].differences[1]") == (
        '"different"\tfalse\t1\t"stdout"'
    )
    assert shell.run("r.diff") == (
        "[[\n--- recorded run 2\n+++ replayed run 2\n@@ -1,3 +1,3 @@\n stdout: a\n-stdout: 2\tb\n"
        "+stdout: 1\tb\n result: 1]]"
    )
    shell.run("r = Session.replay(id, {mode = 'debug'})")
    assert shell.run("r.status, r.stopped_at, r.not_reached, r.success") == '"stopped"\t2\t1\tfalse'
    shell.run("r = Session.replay(id, {compare_results = false})")
    assert shell.run("r.status, r.success, r.cells[2].identical") == '"completed"\ttrue\tnil'


def test_modified(shell: Shell) -> None:
    record(shell, "n = 1", "print(n)", "n + 1")
    shell.run("c = Replay.create_config('modified')")
    shell.run("c:add_modification(Replay.create_modification('cells.1.code', 'n = 10'))")
    shell.run("c:add_modification(Replay.create_modification('cells[2]', 'never', false))")
    shell.run("r = Session.replay(id, c)")
    assert shell.run("r.mode, r.cells[1].modified, r.cells[1].code") == '"modified"\ttrue\t"n = 10"'
    assert shell.run("r.cells[2].replayed.stdout == '10\\n'") == "true"
    assert shell.run("r.cells[3].replayed.result, r.success, r.status") == '"11"\ttrue\t"different"'
    shell.run("r = Session.replay(id, {modifications = {{path = 'cells.1.skip', value = true}}})")
    assert shell.run("r.cells[1].status, r.skipped, r.cells[3].status, r.success") == (
        '"skipped"\t1\t"error"\tfalse'
    )
    shell.run(
        "r = Session.replay(id, {stop_on_error = true, modifications = {{path = '2', value = 'error(1)'}}})"
    )
    assert shell.run("r.status, r.stopped_at, r.executed") == '"stopped"\t2\t2'
    change = "Session.replay(id, {modifications = {{path = '%s', value = %s}}})"
    assert "has no run 77 here" in shell.fail(change % ("cells.77.code", "'x'")).value
    assert "no path 'somewhere'" in shell.fail(change % ("somewhere", "'x'")).value
    assert "is the code that runs instead, a string" in shell.fail(change % ("cells.2.code", "5")).value


def test_simulated_nothing_runs(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "made"
    record(shell, f"io.open('{file}', 'w'):close()", "y = 2")
    file.unlink()
    shell.run("r = Session.replay(id, {mode = 'simulate', modifications = {{path = '2', value = 'x = 1'}}})")
    assert shell.run("r.status, r.executed, r.cells[1].would_run, r.cells[2].code") == (
        '"simulated"\t0\ttrue\t"x = 1"'
    )
    assert not file.exists()
    shell.run("Session.replay(id)")
    assert file.exists()


def test_a_replay_ends_in_time(shell: Shell) -> None:
    shell.run("State.save('global', 'here', true)")
    record(shell, "1", "if not State.load('global', 'here') then while true do end end", "'end'")
    shell.run("r = Session.replay(id, {timeout_seconds = 1})")
    assert shell.run("r.status, r.timed_out, r.success, r.stopped_at") == '"timeout"\ttrue\tfalse\t2'


def test_a_session_goes_on_in_another_runtime(tmp_path: Path) -> None:
    first = Shell(settings_for(tmp_path, "sqlite"))
    first.run("id = Session.create() Session.set_current(id) return id")
    session_id = first.run("id")
    first.run("print('first')")
    first.runtime.close()
    second = Shell(settings_for(tmp_path, "sqlite"))
    second.run(f"id = {session_id} Session.set_current(id)")
    assert second.run("#Session.runs(id), Session.runs(id)[3].stdout == 'first\\n'") == "4\ttrue"
    second.runtime.close()


def test_a_script_is_recorded_with_its_arguments(tmp_path: Path) -> None:
    from llmspell_kernel.interpreter import Script

    shell = Shell(settings_for(tmp_path, "sqlite"))
    source = "Session.set_current(Session.create{name = 's'}) print(...) print(ARGS.n) return 1"
    script = Script("report.lua", ["june", "--n", "5"])
    assert shell.runtime.execute_script(source, script).error is None
    shell.run("id = Session.get_current() Session.set_current(nil)")
    assert shell.run("r = Session.runs(id)[1] return r.script, r.arguments[1]") == '"report.lua"\t"june"'
    assert shell.run("r.stdout == 'june\\t--n\\t5\\n5\\n'") == "true"
    assert shell.run("Session.replay(id, {to_step = 1}).status") == '"identical"'
    shell.runtime.close()


def test_switched_off(tmp_path: Path) -> None:
    shell = Shell(settings_for(tmp_path, enabled=False))
    assert shell.run("Session, Artifact") == "nil\tnil"
    shell.runtime.close()


def test_a_store_that_is_away_does_not_disturb_cells(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, make_services: MakeServices
) -> None:
    from llmspell_kernel.errors import StorageError

    shell.run("id = Session.create() Session.set_current(id)")
    sessions = shell.services.sessions
    original = sessions.runs.add

    def failing(*arguments: object) -> list[int]:
        raise StorageError("the disk is full; make room")

    monkeypatch.setattr(sessions.runs, "add", failing)
    assert shell.run("1 + 1") == "2"
    assert "what ran is not stored: the disk is full" in shell.fail("Session.save(id)").value
    monkeypatch.setattr(sessions.runs, "add", original)
    shell.run("Session.save(id)")
    assert shell.run("#Session.runs(id)") == "4"


def test_services_without_a_runtime_replay_nothing(services: Services) -> None:
    from llmspell_kernel.errors import ScriptError
    from llmspell_kernel.library.replay.player import Options
    from llmspell_kernel.library.session.records import Run
    from llmspell_kernel.library.session.replaying import replay

    session_id = services.sessions.create()
    services.sessions.runs.add(session_id, [Run(0, "print(1)")])
    with pytest.raises(ScriptError, match="use mode 'simulate'"):
        replay(services, session_id, Options())
    assert replay(services, session_id, Options(mode="simulate"))["status"] == "simulated"


def test_hooks_of_scripts_are_asked(shell: Shell) -> None:
    shell.run(
        "told = {} h = Hook.register('SessionStart', function(context)\n"
        "  told[#told + 1] = context.data.name\n"
        "  if context.data.name == 'no' then return {type = 'cancel', reason = 'closed today'} end\n"
        "end)"
    )
    shell.run("id = Session.create{name = 'yes'}")
    assert "closed today" in shell.fail("Session.create{name = 'no'}").value
    assert shell.run("table.concat(told, ','), #Session.list()") == '"yes,no"\t1'
    shell.run("h:unregister() Session.create{name = 'no'}")
    assert shell.run("#Session.list()") == "2"
