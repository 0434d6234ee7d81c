"""The session of a notebook: which one is this kernel's, and what becomes of it when the kernel ends."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llmspell_kernel.errors import LLMSpellError
from llmspell_kernel.kernel import comms
from llmspell_kernel.kernel.notebooks import Notebook
from llmspell_kernel.library.session.recording import DEFAULT_LIMIT

if TYPE_CHECKING:
    from llmspell_kernel.config.sections.sessions import Sessions
    from llmspell_kernel.interpreter import Frontend
    from llmspell_kernel.library.services import AnotherRuntime, Services

NAME_VARIABLE = "JPY_SESSION_NAME"
"""In which Jupyter servers tell the notebook's path."""


def keep_comms_apart(services: Services, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
    """What a replay opens as comms does not reach the kernel's clients."""
    make = services.another_runtime
    assert make is not None

    def apart(frontend: Frontend, language: str) -> AnotherRuntime:
        comms.install(comms.KernelComms(lambda *message: None, log), process=False)
        return make(frontend, language)

    services.another_runtime = apart


def _name_of(connection_file: str) -> str:
    """The same after a restart, and no other kernel's: one may get a file of this name later."""
    with open(connection_file, "rb") as file:
        content = json.load(file)
    secret = content["key"]
    if "llmspell_pid" in content or not secret:  # settings may give each kernel the same key
        secret += f":{content['shell_port']}"
    return f"{hashlib.sha256(secret.encode()).hexdigest()[:32]}/{os.path.basename(connection_file)}"


def record_cells(
    services: Services,
    language: str,
    connection_file: str,
    settings: Sessions | None,
    comes_back: Callable[[], bool],
    warn: Callable[[str], None],
) -> None:
    """Makes the notebook's session the current one, and has its cells recorded, unless settings forbid it.

    It is the one that this kernel has had before it was restarted, else the one that an earlier kernel of the
    same notebook has had; it is made with the first cell. Takes no time: no store is opened.

    Args:
        services: the kernel's.
        language: that it runs.
        connection_file: the kernel's.
        settings: None for the defaults.
        comes_back: whether somebody starts the kernel again; asked when it ends.
        warn: told once that cells cannot be recorded, and why.
    """
    name = os.environ.get(NAME_VARIABLE, "")
    identity = _name_of(connection_file)
    notebook = Notebook(name, identity, connection_file) if name else None
    services.comes_back = comes_back
    if notebook is None:
        services.notebook, services.connection_file = identity, connection_file
    else:
        services.notebook, services.document = notebook.key, notebook.name
        services.is_gone = lambda: notebook.is_gone
        services.current.old_name = notebook.old_name
        services.at_close(lambda: notebook.end(comes_back=comes_back()))
    if settings is not None and not settings.enabled:
        return
    services.current.enter_jupyter(services.notebook, language)
    if settings is not None and not settings.record_cells:
        return

    def end() -> None:
        """Without a notebook, or if that is gone, nobody finds the session again, so that it is complete."""
        session_id = services.current.session_id
        if session_id is None or not services.current.jupyter:
            return
        rests = comes_back() or (notebook is not None and not notebook.is_gone)
        with suppress(LLMSpellError):  # it may have ended or been deleted meanwhile, or the store may be away
            if services.sessions.get(session_id).jupyter:
                services.sessions.act("suspend" if rests else "complete", session_id)

    services.at_close(end)
    limit = DEFAULT_LIMIT if settings is None else settings.max_recorded_output_bytes
    services.current.record(limit, warn)
