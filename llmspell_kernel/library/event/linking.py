"""Connecting a bus with those of other processes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from llmspell_kernel.errors import StorageError

if TYPE_CHECKING:
    from llmspell_kernel.library.event.buffers import Buffer
    from llmspell_kernel.library.event.events import Event
    from llmspell_kernel.library.event.link import EventLink
    from llmspell_kernel.library.services import Services

_log = logging.getLogger("llmspell.events")


def linked(services: Services, deliver: Callable[[Event], None], waiting: Buffer[Event]) -> EventLink | None:
    """The link through the database of the settings; None if it cannot be opened, which is told on stderr.

    Events are no reason to keep a tool from being called.
    """
    try:
        store = services.store("postgres")
    except StorageError as error:
        text = f"events stay within this process: {error}"
        if services.frontend is None:
            _log.warning("%s", text)
        else:
            services.frontend.write("stderr", text.encode(errors="backslashreplace") + b"\n")
        return None
    from llmspell_kernel.library.event.link import EventLink
    from llmspell_kernel.storage.postgres.store import PostgresStorage

    assert isinstance(store, PostgresStorage)
    return EventLink(store, deliver, waiting)
