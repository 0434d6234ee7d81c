"""`llmspell version`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import click

import llmspell_kernel
from llmspell_kernel.cli.frame import Frame, command, pass_frame

_LUA_MODULES = ("lua54", "lua55", "luajit21")
_PACKAGES = ("lupa", "ipykernel", "jupyter_client", "pyzmq", "ipywidgets", "vl-convert-python")


@command(
    epilog="""\b
Examples:
  llmspell version --short                     for scripts
  llmspell version --verbose                   for a bug report
  llmspell version --verbose --output json     for programs"""
)
@click.option("--short", is_flag=True, help="The number alone.")
@click.option("--verbose", is_flag=True, help="Also what it runs on.")
@pass_frame
def version(frame: Frame, short: bool, verbose: bool) -> None:
    """Say which LLMSpell this is."""
    if short and verbose:
        raise click.UsageError("--short and --verbose contradict each other; choose one.")
    number = llmspell_kernel.__version__
    if short:
        frame.show(number, number)
        return
    surroundings = dict(_surroundings()) if verbose else {}
    lines = [f"LLMSpell {number}", *(f"  {name:<18} {value}" for name, value in surroundings.items())]
    data = {name.lower(): value for name, value in surroundings.items()}
    frame.show({"version": number, **data}, "\n".join(lines))


def _surroundings() -> Iterator[tuple[str, str]]:
    import platform
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    yield "from", os.path.dirname(llmspell_kernel.__file__)
    yield "Python", f"{platform.python_version()} ({sys.executable})"
    yield "platform", platform.platform()
    for module in _LUA_MODULES:
        yield module, _lua_version(module)
    for package in _PACKAGES:
        try:
            yield package, version_of(package)
        except PackageNotFoundError:
            yield package, "not installed"


def _lua_version(module: str) -> str:
    import importlib

    try:
        lua = importlib.import_module(f"lupa.{module}").LuaRuntime()
    except ImportError:
        return "not in this platform's lupa"
    return str(lua.lua_implementation)
