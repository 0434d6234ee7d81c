"""A program in a real terminal: tmux on a socket of its own, driven by keys and read off its screen."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

POLL_SECONDS = 0.05
"""tmux tells nobody that its screen changed, so it is read again and again."""


class Terminal:
    """One tmux server with one window; `close` ends it and what runs in it."""

    def __init__(self, folder: Path, command: Sequence[str], *, width: int = 110, height: int = 45) -> None:
        self._socket = folder / "tmux"
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), *_in_shell(command)
        )

    def type(self, text: str) -> None:
        """Type text as it is, then Enter."""
        self._tmux("send-keys", "-l", text)
        self.press("Enter")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: Enter, Tab, C-c, Up ..."""
        self._tmux("send-keys", *keys)

    def write(self, text: str) -> None:
        """Type text without Enter."""
        self._tmux("send-keys", "-l", text)

    def resize(self, width: int, height: int) -> None:
        """Make the window another size, as a user does with the mouse."""
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def visible(self) -> list[str]:
        """The lines that the screen shows now, not joined where they are wrapped."""
        return self._tmux("capture-pane", "-p").splitlines()

    def screen(self) -> str:
        """What the screen shows, with what has scrolled off it."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-500")

    def wait_for(self, found: str | Callable[[str], bool], seconds: float = 60) -> str:
        """The screen, once it contains the text or satisfies the condition."""
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while True:
            screen = self.screen()
            if found in screen if isinstance(found, str) else found(screen):
                return screen
            if time.monotonic() > deadline:
                raise AssertionError(f"{found!r} did not appear; the screen shows:\n{screen}")
            pause.wait(POLL_SECONDS)

    def close(self) -> None:
        """End the tmux server with all that runs in it."""
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", str(self._socket), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, f"tmux {shlex.join(arguments)}: {done.stderr}"
        return done.stdout


def _in_shell(command: Sequence[str]) -> list[str]:
    """The command as tmux takes it; after it has ended the screen stays, to be read."""
    return [f"{shlex.join(command)}; echo ended with $?; read _"]
