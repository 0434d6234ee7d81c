"""What settings take away from scripts, in every Lua and by every way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.lua.state import STANDARD_LIBRARIES, LuaSettings
from llmspell_kernel.records import replaced
from llmspell_kernel.runtime import Runtime, RuntimeSettings

from .cli.command import llmspell
from .lua.shell import LANGUAGES, MemoryFrontend

NO_FILES, NO_PROCESSES = "runtime.security.allow_file_access", "runtime.security.allow_process_spawn"

NewRuntime = Callable[..., Runtime]


@pytest.fixture
def new_runtime() -> Iterator[NewRuntime]:
    made: list[Runtime] = []

    def new(language: str = "lua54", **settings: object) -> Runtime:
        lua = replaced(LuaSettings(language=language), **settings)
        made.append(Runtime(MemoryFrontend(), RuntimeSettings(lua)))
        return made[-1]

    yield new
    for each in made:
        each.close()


def run(runtime: Runtime, code: str) -> Outcome:
    return runtime.execute(code, number=1)


def error_of(runtime: Runtime, code: str) -> str:
    outcome = run(runtime, code)
    assert outcome.error is not None, (code, outcome)
    return outcome.error.value


def result_of(runtime: Runtime, code: str) -> str:
    outcome = run(runtime, code)
    assert outcome.error is None, (code, outcome.error)
    assert outcome.result is not None
    return str(outcome.result.data["text/plain"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "code",
    [
        "io.open('there.lua')",
        "io.open('new', 'w')",
        "io.lines('there.lua')",
        "io.input('there.lua')",
        "io.output('new')",
        "io.tmpfile()",
        "os.tmpname()",
        "os.remove('there.lua')",
        "os.rename('there.lua', 'new')",
        "loadfile('there.lua')",
        "dofile('there.lua')",
        "require('there')",
        "display.image('there.lua')",
        "plot.line({1, 2}):save('new.json')",
        "%run there.lua",
        "%load there.lua",
        "%%writefile new\ntext",
    ],
)
def test_files(
    new_runtime: NewRuntime, language: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.lua").write_text("return 1")
    assert NO_FILES in error_of(new_runtime(language, files=False), code)
    assert [each.name for each in tmp_path.iterdir()] == ["there.lua"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "code",
    ["os.execute('echo')", "io.popen('echo')", "!echo", "%pip --version", "%%bash\necho", "%%sh\necho"],
)
def test_processes(new_runtime: NewRuntime, language: str, code: str) -> None:
    assert NO_PROCESSES in error_of(new_runtime(language, processes=False), code)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_error_has_the_place_of_the_call(new_runtime: NewRuntime, language: str) -> None:
    assert error_of(new_runtime(language, files=False), "\nio.open('x')").startswith("cell [1]:2: io.open: ")
    runtime = new_runtime(language, processes=False)
    assert error_of(runtime, "\nos.execute('x')").startswith("cell [1]:2: ")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_forbidden_stays(new_runtime: NewRuntime, language: str) -> None:
    runtime = new_runtime(language, files=False)
    assert result_of(runtime, "io.popen('echo hello'):read('*l')") == '"hello"'
    assert result_of(runtime, "require('string') == string") == "true"
    assert (
        result_of(runtime, "package.preload.mine = function() return 7 end; return (require('mine'))") == "7"
    )
    assert result_of(runtime, "load('return 3')()") == "3"
    assert result_of(runtime, "io.output() == io.stdout") == "true"
    runtime = new_runtime(language, processes=False)
    assert result_of(runtime, "io.open('/dev/null'):read('*l')") == "nil"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_way_back_through_the_debug_library(new_runtime: NewRuntime, language: str) -> None:
    runtime = new_runtime(language, files=False)
    found = result_of(
        runtime,
        "local found = 0 for _, f in ipairs{io.open, io.lines, loadfile, dofile} do for i = 1, 20 do "
        "local _, value = debug.getupvalue(f, i) if type(value) == 'function' then found = found + 1 end "
        "end end return found",
    )
    assert found == "0"


def test_names_of_files_are_not_completed(new_runtime: NewRuntime, tmp_path: Path) -> None:
    (tmp_path / "secret.lua").touch()
    code = f"io.open('{tmp_path}/sec"
    assert [each.text for each in new_runtime().complete(code, len(code)).matches] == ["secret.lua"]
    runtime = new_runtime(files=False)
    assert not runtime.complete(code, len(code)).matches
    assert not runtime.complete("%run /", 6).matches
    assert runtime.complete("require('str", 12).matches


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stdlib", STANDARD_LIBRARIES)
def test_the_standard_library(new_runtime: NewRuntime, language: str, stdlib: str) -> None:
    runtime = new_runtime(language, stdlib=stdlib)
    here = (
        STANDARD_LIBRARIES["all"] if language == "luajit" else set(STANDARD_LIBRARIES["all"]) - {"bit", "jit"}
    )
    here = set(here) - ({"utf8"} if language == "luajit" else set())
    for name in here:
        expected = '"table"' if name in STANDARD_LIBRARIES[stdlib] else '"nil"'
        assert result_of(runtime, f"type({name})") == expected, name
    assert result_of(runtime, "type(require)") == ('"function"' if stdlib in ("standard", "all") else '"nil"')
    assert result_of(runtime, "x = {1, 2, a = 'b'}; return x") == '{1, 2, a = "b"}'
    assert result_of(runtime, "('x'):rep(3)") == '"xxx"'
    assert result_of(runtime, "tostring(1) .. type(display.html)") == '"1function"'
    assert "boom" in error_of(runtime, "error('boom')")
    assert runtime.complete("disp", 4).matches
    assert runtime.inspect("display", 3) is not None
    assert run(runtime, "%who").error is None


def test_machine_code(new_runtime: NewRuntime) -> None:
    assert (
        result_of(new_runtime("luajit", machine_code=True), "tonumber(require('ffi').new('int', 3))") == "3"
    )
    assert "ffi" in error_of(new_runtime("luajit"), "require('ffi')")
    for runtime in (new_runtime(machine_code=True), new_runtime(trusted=True)):
        assert result_of(runtime, "type(package.loadlib)") == '"function"'
    assert result_of(new_runtime(), "type(package.loadlib)") == '"nil"'
    assert result_of(new_runtime(machine_code=True), "type(python)") == '"nil"'
    assert result_of(new_runtime(machine_code=True), "debug.getregistry") == "nil"


def test_limits_that_cannot_be_raised(new_runtime: NewRuntime) -> None:
    runtime = new_runtime(
        time_limit=5.0, highest_time_limit=10.0, memory_limit=50_000_000, highest_memory_limit=60_000_000
    )
    assert run(runtime, "%config time_limit = 7").error is None
    assert "runtime.security.max_execution_time_ms" in error_of(runtime, "%config time_limit = 11")
    assert "runtime.security.max_execution_time_ms" in error_of(runtime, "%config time_limit = 0")
    assert run(runtime, "%config memory_limit = 55000000").error is None
    assert "runtime.security.max_memory_bytes" in error_of(runtime, "%config memory_limit = 0")


@pytest.mark.parametrize("profile", ["minimal", "restricted"])
def test_profiles_leave_no_way_to_files(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMSPELL_STORAGE_BASE_DIR", str(tmp_path / "data"))
    secret = tmp_path / "secret.svg"
    secret.write_text("<svg>secret</svg>")
    ways = (
        f"Artifact.store_file(Session.create(), '{secret}', 'x')",
        f"display.image('{secret}')",
        f"plot.line({{1, 2}}):save('{tmp_path / 'new.svg'}')",
        f"Tool.execute('file-operations', {{operation = 'read', path = '{secret}'}})",
    )
    for way in ways:
        shown = llmspell(
            "-p", profile, "exec", f"return select(2, pcall(function() return {way} end))"
        ).stdout
        assert NO_FILES in shown and "secret<" not in shown, (way, shown)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "secret.svg"]
