"""LLMSpell for Python: Lua notebooks, scripts and services on Jupyter's protocol.

What other programs may rely on is exported here; each name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmspell_kernel.client.call import Call
    from llmspell_kernel.client.connected import connect
    from llmspell_kernel.client.contract import Client
    from llmspell_kernel.client.embedded import start_embedded_kernel
    from llmspell_kernel.client.execution import Execution
    from llmspell_kernel.errors import ClientError, KernelDiedError, KernelTimeoutError, LLMSpellError
    from llmspell_kernel.interpreter import Script

__version__ = "0.1.0"

__all__ = [
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

_HOMES = {
    "Call": "client.call",
    "Client": "client.contract",
    "ClientError": "errors",
    "Execution": "client.execution",
    "KernelDiedError": "errors",
    "KernelTimeoutError": "errors",
    "LLMSpellError": "errors",
    "Script": "interpreter",
    "connect": "client.connected",
    "start_embedded_kernel": "client.embedded",
}

if not TYPE_CHECKING:  # else every name would be there for a type checker

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value
