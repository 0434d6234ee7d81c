"""`python -m tools.reference`: writes the reference pages that come from the package."""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from llmspell_kernel.cli import help_page
from llmspell_kernel.cli.commands import llmspell
from llmspell_kernel.kernel.app import LLMSpellKernelApp
from llmspell_kernel.kernel.kernel import LLMSpellKernel
from llmspell_kernel.magics import registry
from llmspell_kernel.runtime import LIBRARY
from tools import lua_api, settings_page, tool_pages

FOLDER = Path(__file__).parents[1] / "docs" / "reference"

HELP_FILE = Path(help_page.PAGE)

NOTICE = "<!-- Written by `make docs` from the package: edit the docstrings, not this page. -->"

HELP_WIDTH = 90


def options() -> str:
    """The kernel's options, from its traits."""
    short = {target: f"--{name}" for name, target in LLMSpellKernelApp.aliases.items()}
    rows = []
    for name, trait in sorted(LLMSpellKernel.class_own_traits(config=True).items()):
        command = short.get(f"LLMSpellKernel.{name}", f"--LLMSpellKernel.{name}")
        values = getattr(trait, "values", None)
        kind = ", ".join(f"`{value}`" for value in values) if values else _kind(trait)
        rows.append((f"`{name}`", f"`{command}`", kind, f"`{trait.default()!r}`", _cell(trait.help)))
    flags = [
        (f"`--{name}`", f"`{_setting(content)}`", _cell(text))
        for name, (content, text) in LLMSpellKernelApp.flags.items()
        if "LLMSpellKernel" in content
    ]
    return "\n\n".join(
        (
            "# Kernel options",
            "An option is given to one kernel on its command line (in the `argv` of its `kernel.json`, or "
            "after `llmspell kernel start --`) or to all kernels in `llmspell_kernel_config.py` in Jupyter's "
            "configuration folder, as `c.LLMSpellKernel.NAME = VALUE`. [Set limits](../how-to/limits.md) "
            "shows both.",
            _table(("option", "on the command line", "values", "default", ""), rows),
            "## Flags",
            "Short for a setting, without a value:",
            _table(("flag", "means", ""), flags),
        )
    )


def magics() -> str:
    """The magics, from their registry."""
    importlib.import_module("llmspell_kernel.magics.builtin")  # registers them
    parts = [
        "# Magics",
        "Commands for the one who types. `%name` stands on a line of its own; `%%name` is the first line of "
        "a cell and takes the rest of it. `%name?` shows the same help as this page.",
    ]
    for group, found in registry.groups().items():
        parts.append(f"## {group}")
        for magic in found:
            parts += [f"### {magic.name}", f"```text\n{magic.usage.text}\n```", magic.help]
    return "\n\n".join(parts)


def command_line() -> str:
    """The `llmspell` command, from click."""
    parts = [
        "# Command line",
        "The text of `--help` of each command. Exit status: 0; 1 for what failed; 2 for a command line that "
        "makes no sense; 124 for a time limit; 130 after Ctrl-C; 141 where the reader of the output went "
        "away; and a script's own. Errors are on stderr and begin with `error:`. `llmspell completion` lets "
        "[the shell complete](../how-to/shell-completion.md) all of it.",
    ]
    for path, text in _helps(llmspell, "llmspell", None):
        parts += [f"## {path}", f"```text\n{text}\n```"]
    return "\n\n".join(parts)


def library(folder: str, name: str) -> Callable[[], str]:
    """The page of one Lua global, from its doc comments."""
    return lambda: library_page(folder, name)


def library_page(folder: str, name: str) -> str:
    """The page of the global `name`, which a folder of the library makes."""
    module = importlib.import_module(f"llmspell_kernel.library.{folder}")
    place = Path(next(iter(module.__path__)))
    return f"# The global `{name}`\n\n{inspect.getdoc(module) or ''}\n\n{lua_api.page(place, name)}"


def pages() -> dict[str, Callable[[], str]]:
    """File name below docs/reference -> what writes it."""
    return {
        "options.md": options,
        "magics.md": magics,
        "command-line.md": command_line,
        "settings.md": settings_page.page,
        **{f"{folder}.md": library(folder, name) for folder, name in LIBRARY.items()},
        **tool_pages.pages(),
    }


def help_text() -> str:
    """What `llmspell --help` says, as wide as the package keeps it."""
    context = click.Context(
        llmspell, info_name="llmspell", terminal_width=help_page.WIDTH - 2, **llmspell.context_settings
    )
    return f"{llmspell.get_help(context)}\n"


def content(name: str) -> str:
    """The whole text that a generated page should have."""
    if name == HELP_FILE.name:
        return help_text()
    text = pages()[name]().rstrip()
    return f"---\ntitle: {_title(text)}\n---\n\n{NOTICE}\n\n{text}\n"


def outdated() -> list[str]:
    """The names of the pages that differ from what the package says now."""
    files = {HELP_FILE.name: HELP_FILE, **{name: FOLDER / name for name in pages()}}
    return [name for name, file in files.items() if _text(file) != content(name)]


def place(name: str) -> Path:
    """Where a page is."""
    return HELP_FILE if name == HELP_FILE.name else FOLDER / name


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is outdated")
    options = parser.parse_args(arguments)
    for name in (found := outdated()):
        file = place(name)
        if options.check:
            print(f"{file} is not what the package says; write it anew: make docs", file=sys.stderr)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content(name), "utf-8")
            print(f"wrote {file}")
    return 1 if options.check and found else 0


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=HELP_WIDTH, **command.context_settings
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            child = command.get_command(context, each)
            assert child is not None
            yield from _helps(child, each, context)


def _kind(trait: Any) -> str:
    return {
        "Bool": "yes or no",
        "Int": "whole number",
        "Integer": "whole number",
        "Float": "number",
        "Unicode": "text",
    }.get(type(trait).__name__, type(trait).__name__)


def _setting(content: dict[str, Any]) -> str:
    return ", ".join(f"LLMSpellKernel.{name}={value}" for name, value in content["LLMSpellKernel"].items())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _title(page: str) -> str:
    """What the navigation calls a page; by itself it would make something of the file's name."""
    heading = page.partition("\n")[0].removeprefix("# ")
    return heading.removeprefix("The global ").strip("`")


def _text(file: Path) -> str | None:
    return file.read_text("utf-8") if file.exists() else None


if __name__ == "__main__":
    sys.exit(main())
