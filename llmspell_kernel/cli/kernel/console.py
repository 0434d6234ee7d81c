"""`llmspell kernel console`."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import click

from llmspell_kernel.cli.engines import engine_option
from llmspell_kernel.cli.frame import command
from llmspell_kernel.cli.kernel.where import chosen, where_options
from llmspell_kernel.errors import UsageError
from llmspell_kernel.kernel.kernelspecs import DEFAULT_LANGUAGE, KERNEL_NAMES


@command(
    epilog="""\b
Examples:
  llmspell kernel console                       a new kernel, which ends with the console
  llmspell kernel console --engine luajit
  llmspell kernel console work                  one that runs"""
)
@where_options
@engine_option(f"Of a new kernel; {DEFAULT_LANGUAGE} if not given.", KERNEL_NAMES, name="language")
def console(
    where: str | None,
    by_id: str | None,
    key: str | None,
    key_file: Path | None,
    language: str | None,
) -> None:
    """Use a kernel in Jupyter's console; `llmspell repl` is LLMSpell's own."""
    if importlib.util.find_spec("jupyter_console") is None:
        raise UsageError(
            "jupyter console is not installed: pip install jupyter-console, or use `llmspell repl` instead"
        )
    if where is None and by_id is None:
        words = ["--kernel", _kernelspec(language or DEFAULT_LANGUAGE)]
    elif language is not None:
        raise click.UsageError("--engine is for a new kernel; leave it out, or leave out WHERE.")
    else:
        kernel = chosen(where, by_id, key, key_file)
        if kernel.file is None:
            raise UsageError("jupyter console needs the connection file; copy it here and name it")
        if not kernel.connection.is_local or kernel.listens:
            words = ["--existing", str(kernel.file)]
        else:
            raise UsageError(
                f"kernel {kernel.id} does not run any more; `llmspell kernel list` shows those that do"
            )
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "jupyter_console", *words])


def _kernelspec(language: str) -> str:
    """Its name.

    Raises:
        UsageError: Jupyter does not know it.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        KernelSpecManager().get_kernel_spec(KERNEL_NAMES[language])
    except NoSuchKernel as error:
        raise UsageError(
            f"Jupyter does not know the kernel yet: llmspell kernel install --engine {language}"
        ) from error
    return KERNEL_NAMES[language]
