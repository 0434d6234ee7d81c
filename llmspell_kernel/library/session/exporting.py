"""A session as a file: JSON with all of it, or a notebook."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from llmspell_kernel.library.session.records import Run, Shown

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services

_NOTEBOOK_MINOR = 5
_LANGUAGES = {
    "lua54": ("llmspell", "Lua 5.4 (LLMSpell)", "5.4"),
    "lua55": ("llmspell-lua55", "Lua 5.5 (LLMSpell)", "5.5"),
    "luajit": ("llmspell-luajit", "LuaJIT 2.1 (LLMSpell)", "5.1"),
}
"""Name and title of the kernel of a language, and the version of Lua, as the kernel tells it."""


def exported(services: Services, session_id: str, form: str) -> str:
    """The session as text; `form` is `json` or `ipynb`.

    Raises:
        NoSuchThingError: there is no such session.
    """
    record = services.sessions.get(session_id)
    runs = services.sessions.runs.of(session_id)
    if form == "ipynb":
        data: dict[str, Any] = _notebook(runs, record.language)
    else:
        artifacts = []
        for artifact in services.artifacts.of_session(session_id):
            content = services.artifacts.content(artifact)
            artifacts.append(artifact.as_table() | {"content": base64.b64encode(content).decode()})
        data = {
            "format": "llmspell-session",
            "version": 1,
            "session": services.sessions.table(record),
            "runs": [run.as_table() for run in runs],
            "artifacts": artifacts,
        }
    return json.dumps(data, indent=1, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: object) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _notebook(runs: list[Run], language: str) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"run-{run.sequence}",
            "metadata": {},
            "execution_count": run.number or None,
            "source": run.code,
            "outputs": [_output(each, run.number) for each in sorted(run.shown, key=_is_last)],
        }
        for run in runs
    ]
    kernel, title, version = _LANGUAGES.get(language, _LANGUAGES["lua54"])
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"name": kernel, "display_name": title, "language": "lua"},
            "language_info": {"name": "lua", "version": version, "file_extension": ".lua"},
        },
        "nbformat": 4,
        "nbformat_minor": _NOTEBOOK_MINOR,
    }


def _is_last(shown: Shown) -> bool:
    """Whether kernels send it when the cell has ended, after all else that it shows."""
    return shown.kind in ("result", "error")


def _output(shown: Shown, number: int) -> dict[str, Any]:
    if shown.kind in ("stdout", "stderr"):
        return {"output_type": "stream", "name": shown.kind, "text": shown.text}
    if shown.kind == "error":
        name, _, value = shown.text.partition(": ")
        traceback = list(shown.data.get("traceback", []))
        return {"output_type": "error", "ename": name, "evalue": value, "traceback": traceback}
    data = {kind: each for kind, each in shown.data.items() if each is not None}
    if shown.kind == "result":
        return {
            "output_type": "execute_result",
            "execution_count": number or None,
            "data": data,
            "metadata": {},
        }
    return {"output_type": "display_data", "data": data, "metadata": {}}
