"""Where settings come from, which counts, and what is said of those that make no sense."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_origin

import pytest

from llmspell_kernel.config import schema, sources
from llmspell_kernel.config.environment import variable_of
from llmspell_kernel.config.loading import HIDDEN, Loaded, as_table
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.kernel import Kernel
from llmspell_kernel.kernel.kernel import LLMSpellKernel
from llmspell_kernel.runtime import RuntimeSettings, runtime_settings

from .reader import Reader


def test_without_sources_there_are_defaults(reader: Reader) -> None:
    found = reader.read()
    assert found == Loaded(Settings(), {}, (), None, ())
    assert not sources.present(environ={"HOME": str(reader.home)})


def test_looking_for_sources_is_light(reader: Reader) -> None:
    program = (
        "import sys; from llmspell_kernel.config import sources; assert not sources.present(); "
        "print({'msgspec', 'tomllib', 'pathlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={"HOME": str(reader.home), "PYTHONPATH": str(Path(schema.__file__).parents[2])},
        cwd=reader.here,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_the_defaults_are_those_of_the_runtime() -> None:
    assert runtime_settings(Settings()).lua == RuntimeSettings().lua
    assert Kernel().output_limit == LLMSpellKernel.output_limit.default_value
    for name in Kernel.__struct_fields__:
        if name in LLMSpellKernel.class_own_traits():
            assert getattr(Kernel(), name) == (
                getattr(LLMSpellKernel, name).default_value or getattr(Kernel(), name)
            ), name


def test_each_source_comes_over_those_before(reader: Reader) -> None:
    reader.write("llmspell.toml", "[kernel]\nport = 1\nip = '::1'")
    found = reader.read()
    assert (found.settings.kernel.port, found.settings.kernel.ip) == (1, "::1")
    text = "[kernel]\nport = 2\ndap_port = 2\n[runtime]\nscript_timeout_seconds = 2"
    file = reader.write("other.toml", text)
    arguments: dict[str, Any] = {"config": file}
    found = reader.read(**arguments)
    assert (found.settings.kernel.port, found.settings.kernel.ip) == (2, "::1")
    arguments["profile"] = "bases/testing,features/debugger"
    found = reader.read(**arguments)
    assert (found.settings.kernel.dap_port, found.settings.runtime.script_timeout_seconds) == (0, 30)
    arguments["LLMSPELL_KERNEL_DAP_PORT"] = "4"
    arguments["LLMSPELL_SCRIPT_TIMEOUT_SECONDS"] = "4"
    found = reader.read(**arguments)
    assert (found.settings.kernel.dap_port, found.settings.runtime.script_timeout_seconds) == (4, 4)
    arguments["flags"] = {"kernel.dap_port": 5}
    found = reader.read(**arguments)
    assert (found.settings.kernel.dap_port, found.settings.runtime.script_timeout_seconds) == (5, 4)
    origins = {
        ".".join(key): str(origin).replace(f"{reader.here}/", "") for key, origin in found.origins.items()
    }
    assert origins == {
        "kernel.ip": "llmspell.toml:3",
        "kernel.port": "other.toml:2",
        "kernel.dap_port": "command line",
        "kernel.dap_ip": "profile features/debugger:6",
        "kernel.history_file": "profile bases/testing:11",
        "kernel.idle_timeout": "profile bases/testing:12",
        "repl.history_file": "profile bases/testing:15",
        "runtime.script_timeout_seconds": "LLMSPELL_SCRIPT_TIMEOUT_SECONDS",
        "runtime.security.max_memory_bytes": "profile bases/testing:8",
        "runtime.sessions.storage_backend": "profile bases/testing:21",
        "runtime.state_persistence.backend_type": "profile bases/testing:18",
    }
    assert found.sources == (
        f"{reader.here}/llmspell.toml",
        file,
        "profile bases/testing,features/debugger",
        "environment",
        "flags",
    )


@pytest.mark.parametrize(
    "place",
    ["llmspell.toml", ".llmspell.toml", "config/llmspell.toml", ".config/llmspell.toml"],
)
def test_a_file_is_found_here(reader: Reader, place: str) -> None:
    reader.write(place, "default_engine = 'luajit'")
    assert reader.read().settings.default_engine == "luajit"
    assert reader.read().file == f"{reader.here}/{place}"


@pytest.mark.parametrize(
    "place",
    [".llmspell.toml", ".llmspell/config.toml", ".config/llmspell.toml", ".config/llmspell/config.toml"],
)
def test_a_file_is_found_at_home(reader: Reader, place: str) -> None:
    path = reader.home / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("default_engine = 'luajit'")
    assert reader.read().settings.default_engine == "luajit"
    reader.write("llmspell.toml", "default_engine = 'lua55'")
    assert reader.read().settings.default_engine == "lua55"


def test_variables_name_a_file_and_a_profile(reader: Reader) -> None:
    file = reader.write("some.toml", "default_engine = 'lua55'")
    found = reader.read(LLMSPELL_CONFIG=file, LLMSPELL_PROFILE="minimal")
    assert (found.settings.default_engine, found.settings.engines.lua.stdlib) == ("lua55", "basic")
    (problem,) = reader.problems(LLMSPELL_PROFILE="none")
    assert problem.startswith("LLMSPELL_PROFILE: no profile called 'none'")
    for name in ("LLMSPELL_CONFIG", "LLMSPELL_PROFILE", "LLMSPELL_KERNEL_PORT", "LLMSPELL_ENGINE"):
        assert sources.present(environ={"HOME": str(reader.home), name: "1"})


# Environment


def test_every_setting_has_a_variable(reader: Reader) -> None:
    for node in schema.leaves():
        if schema.ANY_NAME in node.key:
            continue
        name = variable_of(node.key)
        value = {bool: "yes", int: "7", float: "7.5", str: "text"}.get(node.kind, str(node.default))
        if node.kind in (int, float):
            meta = next((each for each in getattr(node.annotation, "__metadata__", ())), None)
            value = str(max(7, meta.ge or 0)) if meta is not None else value
        elif get_origin(node.kind) in (list, tuple):
            value = "7, 8"
        assert sources.variables({name: value}) == [name]
        values: dict[str, Any] = {name: value, "LLMSPELL_RUNTIME_SECURITY_ALLOW_FILE_ACCESS": "yes"}
        found = reader.read(**values)
        assert str(found.origin(node.key)) == name


def test_short_names_and_providers(reader: Reader) -> None:
    found = reader.read(
        LLMSPELL_ENGINE="lua55",
        LLMSPELL_ALLOW_PROCESS_SPAWN="off",
        LLMSPELL_PROVIDER_OPENAI_API_KEY="sk-1",
        LLMSPELL_PROVIDER_OPENAI_MODEL="gpt",
        LLMSPELL_PROVIDERS_MY_OWN_BASE_URL="http://localhost",
        LLMSPELL_LOG_LEVEL="",
        LLMSPELL_KERNEL_PROT="1",
        LLMSPELL_SOMETHING="else",
    )
    assert found.settings.default_engine == "lua55"
    assert not found.settings.runtime.security.allow_process_spawn
    assert found.settings.providers.named["openai"].default_model == "gpt"
    assert found.settings.providers.named["my_own"].base_url == "http://localhost"
    assert found.unknown_variables == ("LLMSPELL_KERNEL_PROT",)
    for name, key in sources.SHORT_VARIABLES.items():
        assert schema.find(tuple(key.split("."))) is not None
        assert sources.variables({name: "1"}) == [name]


def test_the_systematic_name_counts(reader: Reader) -> None:
    found = reader.read(LLMSPELL_LOGGING_LEVEL="error", LLMSPELL_LOG_LEVEL="debug")
    assert found.settings.logging.level == "error"


def test_a_variable_that_does_not_fit(reader: Reader) -> None:
    assert reader.problems(LLMSPELL_ALLOW_FILE_ACCESS="perhaps", LLMSPELL_KERNEL_PORT="-1") == [
        "LLMSPELL_ALLOW_FILE_ACCESS: runtime.security.allow_file_access: "
        'expected true or false, got "perhaps"',
        'LLMSPELL_KERNEL_PORT: kernel.port: expected a whole number from 0 to 65531, got "-1"',
    ]


# Values


def test_all_problems_are_told_with_their_lines(reader: Reader) -> None:
    text = """
    default_engine = "javascript"
    engines.lua = { stdlib = "bassic" }
    [kernel]
    port = "x"
    hmac_key = "s"
    prot = 3
    trusted = true
    [runtime.security]
    max_memory_bytes = -4
    allow_file_access = { really = true }
    x = '''
    [kernel]
    '''
    [providers.openai]
    api_key = 3
    [repl.history_size]
    [nothing]
    """
    assert reader.problems_in(text) == [
        'bad.toml:2: default_engine: expected one of lua, lua54, lua55, luajit, got "javascript"',
        'bad.toml:3: engines.lua.stdlib: expected one of none, basic, standard, all, got "bassic"; '
        "did you mean basic?",
        'bad.toml:5: kernel.port: expected a whole number from 0 to 65531, got "x"',
        "bad.toml:6: kernel.hmac_key: no such setting here; did you mean security.hmac_key?",
        "bad.toml:7: kernel.prot: no such setting; did you mean port?",
        'bad.toml:8: kernel.trusted: no such setting; it is engines.lua.security_level = "unrestricted"',
        "bad.toml:10: runtime.security.max_memory_bytes: expected a whole number from 0 on, got -4",
        "bad.toml:11: runtime.security.allow_file_access: expected true or false, got a table",
        "bad.toml:12: runtime.security.x: no such setting; in [runtime.security] there are "
        "allow_file_access, allow_process_spawn, allow_network_access, max_memory_bytes, "
        "max_execution_time_ms",
        "bad.toml:16: providers.openai.api_key: expected a text, got something else",
        "bad.toml:17: repl.history_size: expected a whole number from 0 on, got a table",
        "bad.toml:18: nothing: no such setting; there are default_engine, engines, runtime, providers, "
        "kernel, security, logging, repl, tools, storage, events, hooks, debug",
    ]


def test_words_are_read_in_either_case(reader: Reader) -> None:
    file = reader.write("a.toml", "[engines.lua]\nstdlib = 'Standard'\nsecurity_level = 'Safe'")
    assert reader.read(file).settings.engines.lua.stdlib == "standard"


def test_what_cannot_hold_together_is_refused(reader: Reader) -> None:
    text = "[runtime.security]\nallow_file_access = false\n[engines.lua]\nsecurity_level = 'privileged'"
    (problem,) = reader.problems_in(text)
    assert problem.startswith("bad.toml:2: runtime.security.allow_file_access: false cannot be kept while ")


def test_providers_take_what_they_know_and_keep_the_rest(reader: Reader) -> None:
    text = """
    [providers]
    default_provider = "local"
    [providers.local]
    model = "tiny"
    top_p = 0.5
    extra = { a = 1, secret_key = "x" }
    [providers.empty]
    [providers.providers.old]
    base_url = "http://old"
    """
    found = reader.read(reader.write("p.toml", text))
    named = found.settings.providers.named
    assert set(named) == {"local", "empty", "old"}
    assert named["local"].default_model == "tiny"
    assert named["local"].options == {"top_p": 0.5, "extra": {"a": 1, "secret_key": "x"}}
    assert named["old"].base_url == "http://old"
    assert found.origin(("providers", "local", "extra", "a")).line == 7


def test_an_option_is_replaced_by_a_later_layer(reader: Reader) -> None:
    reader.write("llmspell.toml", "[providers.a.deep]\nx = 1")
    later = reader.write("b.toml", "[providers.a]\ndeep = 3")
    assert reader.read(later).settings.providers.named["a"].options == {"deep": 3}
    reader.write("llmspell.toml", "[providers.a]\ndeep = 3")
    later = reader.write("b.toml", "[providers.a.deep]\nx = 1")
    assert reader.read(later).settings.providers.named["a"].options == {"deep": {"x": 1}}


def test_secrets_are_hidden(reader: Reader) -> None:
    text = """
    security.hmac_key = "tell-nobody"
    kernel.dap_token = "tell-nobody"
    providers.a = { api_key = "tell-nobody", my_token = "tell-nobody", max_tokens = 3 }
    """
    found = reader.read(reader.write("s.toml", text))
    shown = as_table(found.settings, hide=True)
    assert "tell-nobody" not in str(shown)
    assert shown["security"]["hmac_key"] == shown["providers"]["a"]["my_token"] == HIDDEN
    assert shown["providers"]["a"]["max_tokens"] == 3
    assert as_table(found.settings)["security"]["hmac_key"] == "tell-nobody"
    problem = reader.problems_in("[security]\nhmac_key = ['tell-nobody']")[0]
    assert "tell-nobody" not in problem


# The runtime


def test_the_lowest_limit_counts(reader: Reader) -> None:
    file = reader.write(
        "limits.toml",
        "[engines.lua]\nmax_memory_bytes = 9_000_000\ntimeout_ms = 9_000\n"
        "[runtime]\nscript_timeout_seconds = 5\n"
        "[runtime.security]\nmax_memory_bytes = 8_000_000\nmax_execution_time_ms = 7_000",
    )
    lua = runtime_settings(reader.read(file).settings).lua
    assert (lua.memory_limit, lua.time_limit) == (8_000_000, 5.0)
    assert (lua.highest_memory_limit, lua.highest_time_limit) == (8_000_000, 7.0)


@pytest.mark.parametrize(
    ("level", "trusted", "machine_code"),
    [("safe", False, False), ("privileged", False, True), ("unrestricted", True, False)],
)
def test_the_security_level(reader: Reader, level: str, trusted: bool, machine_code: bool) -> None:
    lua = runtime_settings(reader.read(LLMSPELL_ENGINES_LUA_SECURITY_LEVEL=level).settings).lua
    assert (lua.trusted, lua.machine_code) == (trusted, machine_code)


def test_the_guide_shows_settings_that_fit(reader: Reader) -> None:
    guide = (Path(schema.__file__).parents[2] / "docs" / "how-to" / "configure.md").read_text()
    blocks = re.findall(r"^```toml\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 3
    reader.write("team.toml", "")
    for number, block in enumerate(blocks):
        assert reader.read(reader.write(f"{number}.toml", block)).origins
