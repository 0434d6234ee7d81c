"""The session that is current in one runtime, and the recorder of what runs in it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from llmspell_kernel.library.session.checks import MAX_NAME

if TYPE_CHECKING:
    from llmspell_kernel.library.services import Services
    from llmspell_kernel.library.session.recording import Recorder


class CurrentSession:
    """Which session new artifacts and what runs belong to. Imports nothing until one is current.

    Attributes:
        session_id: the session; None if there is none, or if it is still to be looked up by `jupyter`.
        jupyter: the Jupyter session whose session is current; empty outside of notebooks.
        old_name: what the notebook was called before the kernel was restarted, if it was renamed.
        language: of the runtime.
        recorder: notes what runs; None while nothing is to be noted.
    """

    def __init__(self, services: Services) -> None:
        """None is current."""
        self._services = services
        self.session_id: str | None = None
        self.jupyter = ""
        self.old_name = ""
        self.language = ""
        self.recorder: Recorder | None = None
        self._changing = threading.Lock()
        self._looking_up = threading.RLock()
        self._who_looks_up: int | None = None

    def enter(self, session_id: str | None) -> None:
        """Makes it the current one; from now on what runs is recorded. None for no session at all."""
        with self._changing:
            self.session_id = session_id
            if session_id is None:
                self.jupyter = ""
        if session_id is not None:
            self.record()

    def enter_jupyter(self, name: str, language: str) -> None:
        """Makes that of a notebook the current one; it is looked up, or made, when it is needed."""
        with self._changing:
            self.jupyter, self.language, self.session_id = name, language, None

    def leave(self, session_id: str) -> None:
        """It has ended: it is not the current one any more. A notebook gets another one when it needs it."""
        with self._changing:
            if self.session_id == session_id:
                self.session_id = None

    def found(self) -> str | None:
        """The session; that of a notebook is looked up, or made, first. Any thread."""
        with self._changing:
            session_id, notebook = self.session_id, self.jupyter
        return self.of_notebook(notebook) if session_id is None and notebook else session_id

    def of_notebook(self, name: str) -> str:
        """The session of a notebook: the current one from then on, unless another one has become that."""
        sessions = self._services.sessions
        if sessions.store.in_transaction:
            # Another thread that looks it up waits for our end; and what we find may be undone at that.
            return sessions.of_jupyter(name, self.language)
        with self._looking_up:
            outer, self._who_looks_up = self._who_looks_up, threading.get_ident()
            try:
                session_id = sessions.of_jupyter(name, self.language)
                self._rename(session_id)
            finally:
                self._who_looks_up = outer
        with self._changing:
            if self.session_id is None and self.jupyter == name:
                self.session_id = session_id
        return session_id

    def _rename(self, session_id: str) -> None:
        """A session that is called as its notebook was is called as that is now."""
        old, new = self.old_name.rpartition("/")[2], self._services.document.rpartition("/")[2]
        if old and self._services.sessions.get(session_id).name == old[:MAX_NAME]:
            self._services.sessions.update(session_id, {"name": new[:MAX_NAME]})
        self.old_name = ""

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

        At once where the recorder's thread waits for this one: in a transaction of the store, and in hooks of
        a notebook's session that is being looked up.

        Raises:
            StorageError: it cannot be.
        """
        if self.recorder is None or self._who_looks_up == threading.get_ident():
            return
        if not self._services.sessions.store.in_transaction:
            self.recorder.flush()
