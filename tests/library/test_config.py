"""The global `Config`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.config.loading import load, over_defaults
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.runtime import Runtime, RuntimeSettings, runtime_settings

from ..lua.shell import LANGUAGES, MemoryFrontend

SETTINGS = """
[runtime.security]
allow_process_spawn = false
[kernel]
port = 7000
dap_token = "tell-nobody"
[providers]
default_provider = "local"
[providers.local]
provider_type = "openai"
base_url = "http://localhost:1"
api_key = "tell-nobody"
stop = ["a", "b"]
[providers.off]
enabled = false
"""

FOLDER = "/etc"
"""One that tools may not use by default."""


@pytest.fixture(params=LANGUAGES)
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runtime]:
    file = tmp_path / "llmspell.toml"
    file.write_text(SETTINGS)
    found = load(str(file), flags={"default_engine": request.param}, environ={"HOME": str(tmp_path)})
    made = Runtime(MemoryFrontend(), runtime_settings(found.settings))
    yield made
    made.close()


def run(runtime: Runtime, code: str) -> Outcome:
    return runtime.execute(code, number=1)


def result(runtime: Runtime, code: str) -> str:
    outcome = run(runtime, code)
    assert outcome.error is None, outcome.error
    return str(outcome.result.data["text/plain"]) if outcome.result else ""


def error(runtime: Runtime, code: str) -> str:
    outcome = run(runtime, code)
    assert outcome.error is not None, outcome
    return outcome.error.value


def test_reading(runtime: Runtime) -> None:
    assert result(runtime, "Config.get().kernel.port") == "7000"
    assert result(runtime, "Config.getSection('kernel').port") == "7000"
    assert result(runtime, "Config.getSection('kernel.ip')") == '"127.0.0.1"'
    assert result(runtime, "Config.getSection('kernel.nothing.deep')") == "nil"
    assert result(runtime, "Config.getDefaultEngine()") == f'"{runtime.settings.lua.language}"'
    assert result(runtime, "Config.getSecurity().allow_process_spawn") == "false"
    assert result(runtime, "Config.isFileAccessAllowed()") == "true"
    assert result(runtime, "Config.isProcessSpawnAllowed()") == "false"
    assert result(runtime, "table.concat(Config.listProviders(), ',')") == '"local"'
    assert result(runtime, "Config.getProvider('none')") == "nil"
    assert result(
        runtime, "local p = Config.getProvider('local') return p.name .. p.base_url .. p.stop[2]"
    ) == ('"localhttp://localhost:1b"')
    assert result(runtime, "require('Config') == Config") == "true"


def test_secrets_do_not_reach_scripts(runtime: Runtime) -> None:
    for code in (
        "Config.toJson()",
        "Config.getProvider('local')",
        "Config.getSection('kernel')",
        "Config.get()",
    ):
        outcome = run(runtime, code)
        assert outcome.result is not None
        assert "tell-nobody" not in json.dumps(outcome.result.data)
    assert result(runtime, "Config.getProvider('local').api_key") == "nil"
    assert result(runtime, "Config.getProvider('local').has_api_key") == "true"


def test_permissions_are_the_standard_ones(runtime: Runtime) -> None:
    names = "read modify_providers modify_tools modify_runtime modify_security access_secrets".split()
    values = [result(runtime, f"Config.getPermissions().{name}") for name in names]
    assert values == ["true"] * 4 + ["false"] * 2
    assert "permission modify_security" in error(runtime, "Config.setSecurity({allow_process_spawn = true})")
    assert result(runtime, "Config.isProcessSpawnAllowed()") == "false"
    assert "allow_process_spawn" in error(runtime, "os.execute('echo')")


def test_tools_of_a_script(runtime: Runtime) -> None:
    assert result(runtime, "Config.getTools().enabled") == "true"
    assert result(runtime, "Config.getTools().file_operations.allowed_paths[1]") == '"/tmp"'
    assert result(runtime, "Config.isNetworkAccessAllowed()") == "true"


def test_a_script_lets_tools_use_a_folder(runtime: Runtime, tmp_path: Path) -> None:
    run(runtime, "before = Config.snapshot()")
    shown = f"local shown = Tool.execute('file-operations', {{operation = 'exists', path = '{FOLDER}'}}) "
    assert "allowed folders" in error(runtime, shown)
    run(runtime, f"Config.addAllowedPath('{FOLDER}') Config.addAllowedPath('{FOLDER}')")
    assert result(runtime, shown + "return shown.result.exists") == "true"
    search = f"{{pattern = '^#!', use_regex = true, path = '{FOLDER}'}}"  # in a worker process
    assert result(runtime, f"Tool.execute('file-search', {search}).success") == "true"
    paths = "table.concat(Config.getSection('tools.file_operations.allowed_paths'), ',')"
    assert result(runtime, paths) == f'"/tmp,{FOLDER}"'
    run(runtime, "Config.restoreSnapshot(before)")
    assert "allowed folders" in error(runtime, shown)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"runtime": {"security": {"allow_file_access": False}}}, "allow_file_access is false"),
        ({"engines": {"lua": {"stdlib": "basic"}}}, "engines.lua.stdlib is 'basic'"),
    ],
)
def test_a_script_without_files_adds_no_folder(table: dict[str, Any], message: str) -> None:
    made = Runtime(MemoryFrontend(), runtime_settings(over_defaults(table)))
    try:
        assert message in error(made, "Config.addAllowedPath('/tmp/x')")
    finally:
        made.close()


def test_a_script_adds_a_provider(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    run(
        runtime,
        "Config.setProvider('my-own', {provider_type = 'openai', model = 'm', max_tokens = 7, top_p = 0.5})",
    )
    assert result(runtime, "table.concat(Config.listProviders(), ',')") == '"local,my-own"'
    assert result(
        runtime, "local p = Config.getProvider('my-own') return p.default_model, p.max_tokens, p.top_p"
    ) == ('"m"\t7\t0.5')
    assert result(runtime, "Config.getProvider('my-own').has_api_key") == "false"
    monkeypatch.setenv("MY_OWN_API_KEY", "x")
    assert result(runtime, "Config.getProvider('my-own').has_api_key") == "true"
    run(runtime, "Config.setProvider('bare', {max_completion_tokens = 3})")
    assert result(runtime, "Config.getProvider('bare').max_completion_tokens") == "3"
    assert result(runtime, "Config.getProvider('bare').enabled") == "true"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "Config.setProvider('a', {max_tokens = 'x'})",
            "providers.a.max_tokens: expected a whole number from 0",
        ),
        ("Config.setProvider('a', {api_key = {}})", "providers.a.api_key: expected a text, got "),
        ("Config.setProvider('a b', {})", "bad argument 'name' to 'Config.setProvider'"),
        ("Config.setProvider('a', {1, 2})", "bad argument 'provider' to 'Config.setProvider'"),
        (
            "Config.setProvider('a', {base_ulr = 'http://localhost'})",
            "(there is no key 'base_ulr'; did you mean 'base_url'?)",
        ),
        (
            "Config.addAllowedPath('/nonexist')",
            "'Config.addAllowedPath' (a folder expected, but '/nonexist' does not exist)",
        ),
        ("Config.addAllowedPath('/etc/passwd')", "(a folder expected, but '/etc/passwd' is no folder)"),
        ("Config.setProvider('a')", "bad argument 'provider' to 'Config.setProvider' (table expected"),
        ("Config.getSection()", "bad argument 'name' to 'Config.getSection' (string expected"),
        ("Config.restoreSnapshot('never')", "no snapshot 'never'"),
        ("Config.addAllowedPath()", "bad argument 'path' to 'Config.addAllowedPath' (string expected"),
        ("Config.addAllowedPath('')", "bad argument 'path' to 'Config.addAllowedPath' (a folder expected"),
    ],
)
def test_what_does_not_fit(runtime: Runtime, code: str, message: str) -> None:
    said = error(runtime, code)
    assert message in said
    assert said.startswith("cell [1]:1: ")


def test_snapshots(runtime: Runtime) -> None:
    run(runtime, "before = Config.snapshot() Config.setProvider('a', {})")
    assert result(runtime, "Config.getProvider('a') ~= nil") == "true"
    run(runtime, "Config.restoreSnapshot(before)")
    assert result(runtime, "Config.getProvider('a')") == "nil"


def test_without_settings_of_its_own_a_runtime_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("llmspell.toml").write_text("[kernel]\nport = 5")
    runtime = Runtime(MemoryFrontend(), RuntimeSettings())
    assert result(runtime, "Config.get().kernel.port") == "5"
    runtime.close()
    Path("llmspell.toml").write_text("[kernel]\nprot = 5")
    runtime = Runtime(MemoryFrontend(), RuntimeSettings())
    assert "llmspell.toml:2: kernel.prot: no such setting" in error(runtime, "Config.get()")
    runtime.close()
