"""Where settings come from, which counts, and what is said of those that make no sense."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

import pytest

from llmspell_kernel.config import schema, sources
from llmspell_kernel.config.documents import key_lines, parse_document
from llmspell_kernel.config.environment import variable_of
from llmspell_kernel.config.layers import DEEPEST, FOLDER, profiles, read_profile
from llmspell_kernel.config.loading import HIDDEN, Loaded, as_table, load
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.kernel import Kernel
from llmspell_kernel.errors import SettingsError
from llmspell_kernel.kernel.kernel import LLMSpellKernel
from llmspell_kernel.runtime import RuntimeSettings, runtime_settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def here(tmp_path: Path) -> Path:
    path = tmp_path / "here"
    path.mkdir()
    return path


class Reader:
    """Reads settings in a directory and a home of its own."""

    def __init__(self, here: Path, home: Path) -> None:
        self.here, self.home = here, home

    def write(self, name: str, text: str) -> str:
        path = self.here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def read(
        self,
        config: str | None = None,
        profile: str | None = None,
        flags: Mapping[str, Any] | None = None,
        **environ: str,
    ) -> Loaded:
        return load(
            config, profile, flags, environ={"HOME": str(self.home), **environ}, directory=str(self.here)
        )

    def problems(self, *args: Any, **kwargs: Any) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            self.read(*args, **kwargs)
        return [each.replace(f"{self.here}/", "") for each in caught.value.problems]

    def problems_in(self, text: str, name: str = "bad.toml") -> list[str]:
        return self.problems(self.write(name, text))


@pytest.fixture
def reader(here: Path, home: Path) -> Reader:
    return Reader(here, home)


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


# Layers


def test_a_layer_can_restore_a_default(reader: Reader) -> None:
    assert not reader.read(profile="bases/embedded").settings.runtime.security.allow_file_access
    assert reader.read(profile="bases/embedded,features/files").settings.runtime.security.allow_file_access


def test_presets_go_by_their_bare_name() -> None:
    for name in ("presets/restricted", " restricted.toml "):
        assert read_profile(name) == read_profile("restricted")


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.name)
def test_every_profile_changes_something_and_fits(reader: Reader, profile: Any) -> None:
    found = reader.read(profile=profile.name)
    assert found.origins
    assert profile.description.endswith(".")
    assert all(str(origin).startswith("profile ") for origin in found.origins.values())


def test_every_profile_is_listed() -> None:
    assert {each.name for each in profiles()} == {
        f"{path.parent.name}/{path.stem}" for path in FOLDER.rglob("*.toml")
    }


@pytest.mark.parametrize("form", ["extends = {}", "[profile]\nextends = {}"])
def test_a_file_builds_on_profiles_and_files(reader: Reader, form: str) -> None:
    reader.write("sub/base.toml", "[kernel]\nport = 7\noutput_limit = 7")
    text = form.format('["minimal", "./sub/base.toml"]') + "\n[kernel]\noutput_limit = 8"
    found = reader.read(reader.write("mine.toml", text)).settings
    assert (found.engines.lua.stdlib, found.kernel.port, found.kernel.output_limit) == ("basic", 7, 8)


def test_what_does_not_extend(reader: Reader) -> None:
    assert reader.problems_in("\nextends = ['minimall']") == [
        "bad.toml:2: no profile called 'minimall'; did you mean minimal?"
    ]
    assert "expected a list of names of profiles, got 3" in reader.problems_in("extends = 3")[0]
    assert reader.problems_in("extends = './gone.toml'") == [
        "gone.toml: there is no such file; `llmspell config init` writes one"
    ]


def test_a_circle_is_named(reader: Reader) -> None:
    reader.write("b.toml", "extends = './c.toml'")
    reader.write("c.toml", "extends = './a.toml'")
    (problem,) = reader.problems_in("extends = './b.toml'", "a.toml")
    assert problem == "a.toml: extends itself: a.toml -> b.toml -> c.toml -> a.toml"


def test_a_chain_has_an_end(reader: Reader) -> None:
    for number in range(DEEPEST + 1):
        reader.write(f"{number}.toml", f"extends = './{number + 1}.toml'")
    reader.write(f"{DEEPEST}.toml", "")
    (problem,) = reader.problems(str(reader.here / "0.toml"))
    assert f"more than {DEEPEST} files extend each other" in problem
    assert reader.read(str(reader.here / "1.toml")).settings == Settings()


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


# Files


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = \n", "bad.toml:1: is not TOML: invalid value"),
        ("x = 1\n[kernel\n", "bad.toml:2: is not TOML: expected ']' at the end of a table declaration"),
        ("x = 1\nx = 2\n", "bad.toml:2: is not TOML: cannot overwrite a value"),
        ('x = """\n\n', "bad.toml:3: is not TOML: "),
    ],
)
def test_what_is_no_toml(reader: Reader, text: str, problem: str) -> None:
    assert reader.problems_in(text)[0].startswith(problem)


def test_what_is_no_file(reader: Reader, here: Path) -> None:
    (here / "folder").mkdir()
    (here / "binary").write_bytes(b"x = 1\n\x7fELF\xff\xfe")
    (here / "closed").write_text("")
    assert reader.problems(str(here / "folder")) == ["folder: is a directory; name a TOML file in it"]
    assert reader.problems(str(here / "binary")) == ["binary:2: is not UTF-8 text; settings are TOML files"]
    assert reader.problems(str(here / "gone"))[0].startswith("gone: there is no such file")
    assert reader.problems(str(here / "closed" / "x"))[0].startswith("closed/x: cannot be read: ")
    if os.getuid() != 0:  # root may read everything
        (here / "closed").chmod(0)
        assert "Permission denied" in reader.problems(str(here / "closed"))[0]


def test_a_found_file_that_cannot_be_read_is_told_too(reader: Reader, here: Path) -> None:
    (here / "llmspell.toml").mkdir()
    assert reader.problems() == ["llmspell.toml: is a directory; name a TOML file in it"]


def test_windows_files_are_read(reader: Reader, here: Path) -> None:
    (here / "llmspell.toml").write_bytes(b"\xef\xbb\xbf[kernel]\r\nport = 3\r\n")
    assert reader.read().settings.kernel.port == 3


def test_lines_of_keys() -> None:
    text = """
    a = 1 # = 2
    "b.c" = '''
    d = 3
    '''
    e.f . g = [
      "]", # ]
      "'", { x = 1 },
    ]
    [h . "i j"] # comment
    k = { l = 1, m = { n = 2 } }
    o = '\"\"\"'
    p = 3
    [[q]]
    r = 1
    """
    assert parse_document(text, "text")
    assert key_lines(text) == {
        ("a",): 2,
        ("b.c",): 3,
        ("e",): 6,
        ("e", "f"): 6,
        ("e", "f", "g"): 6,
        ("h", "i j"): 10,
        ("h", "i j", "k"): 11,
        ("h", "i j", "o"): 12,
        ("h", "i j", "p"): 13,
        ("q",): 14,
        ("q", "r"): 15,
    }


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
