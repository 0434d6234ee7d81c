"""The session that is current in one runtime, and the recorder of what runs in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.session.recording import Recorder


class CurrentSession:
    """Which session new artifacts and what runs belong to. Imports nothing until one is current.

    Attributes:
        session_id: the session; None if there is none, or if it is still to be looked up by `jupyter`.
        jupyter: the Jupyter session whose session is current; empty outside of notebooks.
        language: of the runtime.
        recorder: notes what runs; None while nothing is to be noted.
    """

    def __init__(self, services: Services) -> None:
        """None is current."""
        self._services = services
        self.session_id: str | None = None
        self.jupyter = ""
        self.language = ""
        self.recorder: Recorder | None = None

    def enter(self, session_id: str | None) -> None:
        """Makes it the current one; from now on what runs is recorded. None for no session at all."""
        self.session_id = session_id
        if session_id is None:
            self.jupyter = ""
        else:
            self.record()

    def enter_jupyter(self, name: str, language: str) -> None:
        """Makes that of a notebook the current one; it is looked up, or made, when it is needed."""
        self.jupyter, self.language, self.session_id = name, language, None

    def leave(self, session_id: str) -> None:
        """It has ended: it is not the current one any more. A notebook gets another one when it needs it."""
        if self.session_id == session_id:
            self.session_id = None

    def record(self, limit: int | None = None, warn: Callable[[str], None] = lambda message: None) -> None:
        """From now on what runs in the current session is recorded, if there is a runtime.

        `limit` is how many bytes of output of each run, by default what the settings say; `warn` is told once
        that something cannot be stored.
        """
        if self.recorder is None and self._services.frontend is not None:
            from llmspell_kernel.library.session.recording import Recorder

            if limit is None:
                limit = self._services.settings.runtime.sessions.max_recorded_output_bytes
            self.recorder = Recorder(self._services, limit, warn)
            self._services.watchers.append(self.recorder)
            self._services.at_close(self.recorder.close)

    def note(self, kind: str, **fields: str | int | None) -> None:
        """Notes that the running code has stored something."""
        if self.recorder is not None:
            self.recorder.note(kind, fields)

    def flush(self) -> None:
        """Returns when what ran until now is stored.

        Raises:
            StorageError: it cannot be.
        """
        if self.recorder is not None:
            self.recorder.flush()
