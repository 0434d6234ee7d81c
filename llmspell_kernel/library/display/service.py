"""Showing bundles under an id, replacing and clearing them."""

from __future__ import annotations

import os
from itertools import count

from llmspell_kernel.interpreter import Frontend, MimeBundle


class Displays:
    """What has been shown, by display id. Used on the interpreter's thread."""

    def __init__(self, frontend: Frontend) -> None:
        """Shows through `frontend`."""
        self._frontend = frontend
        self._prefix = ""
        self._numbers = count(1)

    def new_id(self) -> str:
        """A display id that no other kernel has given out, nor this one."""
        # Made late: a kernel that shows nothing needs no random numbers.
        self._prefix = self._prefix or f"llmspell-{os.urandom(6).hex()}"
        return f"{self._prefix}-{next(self._numbers)}"

    def show(self, bundle: MimeBundle, display_id: str) -> None:
        """Shows a bundle in a place of its own; an empty bundle shows nothing."""
        if bundle.data:
            self._frontend.display(bundle, display_id=display_id)

    def update(self, bundle: MimeBundle, display_id: str) -> None:
        """Replaces what is shown under the id, wherever that is."""
        if bundle.data:
            self._frontend.display(bundle, display_id=display_id, update=True)

    def clear(self, *, wait: bool) -> None:
        """Clears what the cell has shown; with `wait`, only when something new comes."""
        self._frontend.clear_output(wait=wait)
