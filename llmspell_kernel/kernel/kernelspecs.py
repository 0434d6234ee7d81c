"""Installing the kernelspecs: how Jupyter learns that there is a Lua kernel, and how to start it.

The templates in `kernelspec/` start with `python`, which Jupyter takes to be its own; an installed
kernelspec names the interpreter that installed it, so that Jupyter may live in another environment.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import llmspell_kernel
from llmspell_kernel.errors import KernelspecError

KERNEL_NAMES: Mapping[str, str] = {
    "lua54": "llmspell",
    "lua55": "llmspell-lua55",
    "luajit": "llmspell-luajit",
}
"""Language -> name of its kernelspec, as `jupyter console --kernel NAME` takes it."""

DEFAULT_LANGUAGE = "lua54"

_VALID_NAME = re.compile(r"[a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Installed:
    """Where a kernelspec went, and whether Jupyter looks there."""

    name: str
    directory: Path
    found_by_jupyter: bool


@dataclass(frozen=True, slots=True)
class Kernelspec:
    """A kernelspec to install; what is None or empty stays as in the template of the language."""

    language: str = DEFAULT_LANGUAGE
    name: str | None = None
    display_name: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def install(self, prefix: Path | None = None) -> Installed:
        """Write it below `prefix`, or for the current user; replaces an earlier one of the same name.

        Raises:
            KernelspecError: the name is not one Jupyter takes, or belongs to another kernel, or the
                directory cannot be written.
        """
        from jupyter_client.kernelspec import KernelSpecManager

        name = (self.name or KERNEL_NAMES[self.language]).lower()
        if not _VALID_NAME.fullmatch(name):
            raise KernelspecError(
                f"{name!r} cannot name a kernel: use ASCII letters, digits, '-', '.' and '_' only"
            )
        specs = KernelSpecManager()
        kernels = prefix.absolute() / "share/jupyter/kernels" if prefix else Path(specs.user_kernel_dir)
        directory = kernels / name
        _refuse_to_replace_another(directory)
        try:
            self._write(directory)
        except OSError as problem:
            raise KernelspecError(
                f"cannot write {directory}: {problem.strerror}; "
                "choose another place with --user, --sys-prefix or --prefix"
            ) from problem
        return Installed(name, directory, found_by_jupyter=str(kernels) in specs.kernel_dirs)

    def content(self) -> dict[str, Any]:
        """What its kernel.json says."""
        content: dict[str, Any] = json.loads((self._template() / "kernel.json").read_text("utf-8"))
        content["argv"][0] = sys.executable
        if self.display_name:
            content["display_name"] = self.display_name
        if self.env:
            content["env"] = dict(self.env)
        return content

    def _template(self) -> Path:
        return templates() / KERNEL_NAMES[self.language]

    def _write(self, directory: Path) -> None:
        """All or nothing: a kernel started meanwhile sees the old files or the new ones."""
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".llmspell-") as temporary:
            fresh = Path(temporary, "fresh")
            shutil.copytree(self._template(), fresh)
            text = json.dumps(self.content(), indent=2, ensure_ascii=False)
            (fresh / "kernel.json").write_text(text + "\n", "utf-8")
            if directory.exists():
                directory.rename(Path(temporary, "old"))
            fresh.rename(directory)


def templates() -> Path:
    """The directory of the kernelspec templates: inside an installed package, beside it in a checkout."""
    package = Path(llmspell_kernel.__file__).parent
    for candidate in (package / "kernelspec", package.parent / "kernelspec"):
        if candidate.is_dir():
            return candidate
    raise KernelspecError(
        f"the kernelspec templates are missing from {package}; "
        "reinstall it: pip install --force-reinstall llmspell-kernel"
    )


def _refuse_to_replace_another(directory: Path) -> None:
    """A name that was mistyped as `python3` must not cost the user that kernel."""
    try:
        argv = json.loads((directory / "kernel.json").read_text("utf-8")).get("argv", [])
    except (OSError, ValueError, AttributeError):
        return
    if "llmspell_kernel" not in argv:
        raise KernelspecError(
            f"{directory.name!r} is another kernel's name ({directory}); choose a different one with --name"
        )
