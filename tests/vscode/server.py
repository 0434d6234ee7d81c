"""A real code-server, which is Visual Studio Code for the browser, on a loopback port of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmspell_kernel import __version__

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "build" / "code-server" / "node_modules"
EXTENSION = ROOT / "build" / f"llmspell-debug-{__version__}.vsix"
COMMAND = Path(sys.executable).with_name("llmspell")

START_SECONDS = 60

USER_SETTINGS: Mapping[str, Any] = {
    "chat.disableAIFeatures": True,
    "debug.openDebug": "openOnSessionStart",
    "editor.minimap.enabled": False,
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "git.enabled": False,
    "remote.autoForwardPorts": False,
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "window.confirmBeforeClose": "never",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}
"""Nothing but an editor: no news, no assistants, no questions."""


class CodeServer:
    """code-server with our extension installed from its .vsix, started at once and ended by `close`."""

    def __init__(self, folder: Path) -> None:
        """All that it writes goes below `folder`."""
        self.folder = folder
        self.url = ""
        self.log: list[str] = []
        self._listens = threading.Event()
        self._write_settings("User", USER_SETTINGS)
        self._write_settings("Machine", {"llmspell.command": str(COMMAND)})
        self._run("--install-extension", str(EXTENSION))
        self._process = subprocess.Popen(
            self._command(
                "--auth=none", "--bind-addr=127.0.0.1:0", "--disable-telemetry", "--disable-update-check"
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if not self._listens.wait(START_SECONDS) or not self.url:
            self.close()
            raise RuntimeError("code-server did not start:\n" + "".join(self.log))

    def close(self) -> None:
        """End the server, by force after ten seconds."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _write_settings(self, scope: str, settings: Mapping[str, Any]) -> None:
        file = self.folder / "data" / scope / "settings.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))

    def _command(self, *arguments: str) -> list[str]:
        return [
            str(MODULES / "node" / "bin" / "node"),
            str(MODULES / "code-server" / "out" / "node" / "entry.js"),
            f"--user-data-dir={self.folder / 'data'}",
            f"--extensions-dir={self.folder / 'extensions'}",
            f"--config={self.folder / 'config.yaml'}",
            *arguments,
        ]

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            self._command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _read_log(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.log.append(line)
            address = re.search(r"HTTP server listening on (http://127\.0\.0\.1:\d+/)", line)
            if address:
                self.url = address[1]
                self._listens.set()
        self._listens.set()
