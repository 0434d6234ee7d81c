"""The kernel's own settings, as `%config` shows and changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_kernel.magics.settings import Setting, Value

if TYPE_CHECKING:
    from llmspell_kernel.kernel.kernel import LLMSpellKernel


def kernel_settings(kernel: LLMSpellKernel) -> list[Setting]:
    """Those that are not the Lua state's; the texts are the options'."""

    def limit_output(value: Value) -> None:
        kernel.output_limit = kernel.output.limit = int(value)

    return [
        Setting("output_limit", _help(kernel, "output_limit"), lambda: kernel.output.limit, limit_output),
        Setting("history_file", _help(kernel, "history_file"), lambda: str(kernel.history_file)),
    ]


def _help(kernel: LLMSpellKernel, name: str) -> str:
    return str(kernel.traits()[name].help)
