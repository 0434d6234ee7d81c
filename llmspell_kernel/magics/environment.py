"""Environment variables, which Lua's os.getenv and child processes see."""

from __future__ import annotations

import os
import re

from llmspell_kernel.errors import MagicError
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.magics.registry import magic
from llmspell_kernel.magics.session import Call, text_result

_SECRET = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
_SETTING = re.compile(r"(?P<name>[^\s=]+)(?:\s*=\s*|\s+)(?P<value>.*)", re.DOTALL)


@magic("%env [SETTING]", group="System", takes="environment")
def env(call: Call) -> Outcome | None:
    """Shows environment variables, or sets one: `%env`, `%env NAME`, `%env NAME=VALUE`.

    What is set is seen by `os.getenv` and by programs that are started later. In the list of all variables,
    values of those that look like secrets are hidden.
    """
    if not call.text:
        return text_result("\n".join(f"{name}={_shown(name)}" for name in sorted(os.environ)))
    setting = _SETTING.fullmatch(call.text)
    if setting is None:
        if call.text not in os.environ:
            raise MagicError(f"no environment variable called {call.text!r}; %env {call.text}=VALUE sets it")
        return text_result(os.environ[call.text])
    name, value = setting["name"], _unquoted(setting["value"])
    if "\0" in name + value:
        raise MagicError("environment variables cannot hold NUL characters")
    os.environ[name] = value
    call.write(f"env: {name}={_shown(name)}\n")
    return None


def _shown(name: str) -> str:
    return "<hidden>" if _SECRET.search(name) else os.environ[name]


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
