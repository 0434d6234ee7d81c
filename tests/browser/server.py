"""A real `jupyter lab` on a loopback port of its own."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

START_SECONDS = 60

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}
"""Plugin -> user settings: no news from outside, no background saving, every cell in the page."""


class LabServer:
    """JupyterLab, started at once and ended by `close`; kernels end with it.

    A thread reads the server's log for as long as the server lives, so that it never blocks on a full pipe.
    """

    def __init__(self, folder: Path, settings: Path) -> None:
        for plugin, values in SETTINGS.items():
            file = settings / f"{plugin}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
        self.folder = folder
        self.token = secrets.token_hex(16)
        self.url = ""
        self.log: list[str] = []
        self._url_logged = threading.Event()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--no-browser",
                "--allow-root",
                "--ip=127.0.0.1",
                "--port=0",
                f"--ServerApp.root_dir={folder}",
                f"--IdentityProvider.token={self.token}",
                "--LabApp.news_url=",
                "--LanguageServerManager.autodetect=False",
                "--LabApp.expose_app_in_browser=True",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if not self._answers(time.monotonic() + START_SECONDS):
            self.close()
            raise RuntimeError("jupyter lab did not start:\n" + "".join(self.log))

    def api(self, method: str, path: str) -> Any:
        """The answer of the server's REST interface, decoded; none when it has no body."""
        request = urllib.request.Request(
            f"{self.url}api/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def close(self) -> None:
        """End the server and its kernels, by force after a minute."""
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(60)
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _answers(self, deadline: float) -> bool:
        """Whether the server answers before the deadline; it logs its address a moment before it listens."""
        if not self._url_logged.wait(deadline - time.monotonic()) or not self.url:
            return False
        retry = threading.Event()
        while time.monotonic() < deadline:
            try:
                self.api("GET", "status")
            except URLError:
                retry.wait(0.05)
            else:
                return True
        return False

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line)
            address = re.search(r"(http://127\.0\.0\.1:\d+/)lab", line)
            if address and not self.url:
                self.url = address[1]
                self._url_logged.set()
        self._url_logged.set()
