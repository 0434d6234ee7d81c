"""The kernel's own settings, as `%config` shows and changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell_kernel.magics.settings import Setting, Value

if TYPE_CHECKING:
    from llmspell_kernel.kernel.kernel import LLMSpellKernel
    from llmspell_kernel.kernel.streams import CellOutput

OUTPUT_LIMIT_HELP = "Bytes of text that a cell may write; 0 for no limit."


def kernel_settings(kernel: LLMSpellKernel) -> list[Setting]:
    """Those that are not the Lua state's; the texts are the options'."""
    help_text = str(kernel.traits()["history_file"].help)
    return [
        output_limit_setting(kernel.output),
        Setting("history_file", help_text, lambda: str(kernel.history_file)),
    ]


def output_limit_setting(output: CellOutput) -> Setting:
    """How much a cell may write."""

    def limit_output(value: Value) -> None:
        output.limit = int(value)

    return Setting("output_limit", OUTPUT_LIMIT_HELP, lambda: output.limit, limit_output)
