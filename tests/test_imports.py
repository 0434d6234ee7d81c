"""Who may import whom, and what an import may cost."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import llmspell_kernel

PACKAGE = Path(llmspell_kernel.__file__).parent
ROOT = "llmspell_kernel"

FLOORS = (
    ("", "errors", "records"),
    ("config",),
    ("storage",),
    ("interpreter",),
    ("echo", "lua"),
    ("library",),
    ("magics",),
    ("runtime",),
    ("dap",),
    ("kernel",),
    ("client",),
    ("cli", "__main__", "papermill"),
)
"""The house from the ground up ("" is the package root): a wing imports from its own floor's
wing and from the floors below."""

HEAVY = {
    "IPython",
    "ipykernel",
    "ipywidgets",
    "jupyter_server",
    "msgspec",
    "papermill",
    "psycopg",
    "pydantic",
    "sqlite3",
    "tornado",
    "traitlets",
    "vl_convert",
    "zmq",
}
"""What a program that only runs Lua, or only looks, must not wait for."""

LIGHT = [
    "import llmspell_kernel",
    "from llmspell_kernel.cli import main; main(['version'])",
    "from llmspell_kernel.cli import main; main(['kernel', 'install', '--help'])",
    "import llmspell_kernel.runtime",
    "import llmspell_kernel; llmspell_kernel.start_embedded_kernel",
    "import llmspell_kernel.cli.repl.quick, llmspell_kernel.cli.repl.prompt",
]


def level_of(wing: str) -> int:
    for level, wings in enumerate(FLOORS):
        if wing in wings:
            return level
    raise AssertionError(f"{wing!r} has no floor; give it one in FLOORS and in docs/architecture.md")


def may_import(here: str, other: str) -> bool:
    """Within a wing everything goes; the root may export the clients and what is below the runtime."""
    if here == "":
        return other == "client" or level_of(other) <= level_of("runtime")
    return other in ("", here) or level_of(other) < level_of(here)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def wing_of(module: str) -> str:
    """`llmspell_kernel.lua.cells` -> `lua`; the package itself is the empty wing."""
    return module.partition(".")[2].partition(".")[0]


def name_of(path: Path) -> str:
    parts = [ROOT, *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of each module of this package that `path` imports, anywhere in it."""
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            source = importlib.util.resolve_name(relative, package) if node.level else relative
            if source == ROOT:  # from the root, a name may be a wing
                for alias in node.names:
                    wing = (PACKAGE / alias.name).is_dir() or (PACKAGE / f"{alias.name}.py").is_file()
                    yield node.lineno, f"{ROOT}.{alias.name}" if wing else ROOT
            else:
                yield node.lineno, source


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_down_the_house_only(path: Path) -> None:
    here = wing_of(name_of(path))
    wrong = [
        f"{path}:{line}: {here or ROOT} imports {name}"
        for line, name in imports_of(path)
        if (name == ROOT or name.startswith(f"{ROOT}.")) and not may_import(here, wing_of(name))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_rule_would_notice() -> None:
    assert may_import("kernel", "runtime") and may_import("library", "lua") and may_import("lua", "errors")
    assert not may_import("lua", "library") and not may_import("runtime", "kernel")
    assert not may_import("echo", "lua") and not may_import("", "kernel")
    found = dict(imports_of(PACKAGE / "cli" / "dispatch.py"))
    assert f"{ROOT}.errors" in found.values()
    assert {wing_of(name_of(path)) for path in modules()} >= {"", "cli", "errors", "kernel"}


@pytest.mark.parametrize("program", LIGHT)
def test_light_imports_stay_light(program: str) -> None:
    if "runtime" in program and not (PACKAGE / "runtime.py").is_file():
        pytest.skip("there is no runtime")
    report = (
        "import sys, json; sys.stderr.write(json.dumps(sorted({n.partition('.')[0] for n in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{report}"], capture_output=True, text=True, timeout=60, check=True
    )
    assert HEAVY & set(json.loads(done.stderr)) == set()


SLOW = HEAVY | {
    "asyncio",
    "click",
    "dataclasses",
    "difflib",
    "inspect",
    "json",
    "logging",
    "pathlib",
    "socket",
    "subprocess",
    "tomllib",
    "traceback",
}
"""What a script need not wait for: each takes a good part of the time that running a short one takes."""


@pytest.mark.parametrize("words", [["run", "hello.lua"], ["--help"]])
def test_a_script_waits_for_little(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "hello.lua").write_text("print('hello')")
    program = f"import sys; from llmspell_kernel.cli import main; sys.exit(main({words!r}))"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=tmp_path,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert done.stdout and imported & SLOW == set()


def test_the_public_surface_is_what_the_root_exports() -> None:
    assert sorted(llmspell_kernel.__all__) == [
        "Call",
        "Client",
        "ClientError",
        "Execution",
        "KernelDiedError",
        "KernelTimeoutError",
        "LLMSpellError",
        "Script",
        "__version__",
        "connect",
        "start_embedded_kernel",
    ]
    for name in llmspell_kernel.__all__:
        assert name == "__version__" or getattr(llmspell_kernel, name).__module__.startswith(ROOT)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = llmspell_kernel.no_such_name  # type: ignore[attr-defined]
