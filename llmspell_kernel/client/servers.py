"""Jupyter Servers on this machine: what started a kernel decides about its life."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llmspell_kernel.client.discovery import FoundKernel, jupyter_runtime_folder
from llmspell_kernel.errors import ClientError


@dataclass(frozen=True, slots=True)
class JupyterServer:
    """A server as it tells of itself in Jupyter's runtime folder.

    Attributes:
        url: with its base path and a slash at its end.
        token: that it wants to see; empty if it takes passwords only, or nothing.
    """

    pid: int
    url: str
    token: str

    def act(self, kernel: FoundKernel, action: Literal["stop", "restart"], seconds: float) -> None:
        """Has the server stop or restart a kernel of its own.

        Raises:
            ClientError: it does not.
        """
        # Late: they take as long as all else, and most look only.
        import urllib.error
        import urllib.request
        from urllib.parse import quote

        path = f"api/kernels/{quote(kernel.id, safe='')}"
        method, path = ("DELETE", path) if action == "stop" else ("POST", f"{path}/restart")
        request = urllib.request.Request(
            self.url + path, method=method, data=b"" if method == "POST" else None
        )
        if self.token:
            request.add_header("Authorization", f"token {self.token}")
        # A proxy of the user's is for other machines.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(request, timeout=seconds).close()
        except OSError as error:  # urllib's errors are OSErrors
            if isinstance(error, urllib.error.HTTPError):
                error.close()
                problem = f"it answers {error.code} {error.reason}"
            else:
                problem = str(getattr(error, "reason", error))
            raise ClientError(
                f"the Jupyter Server at {self.url} manages kernel {kernel.id} and does not {action} it: "
                f"{problem}; {action} it there"
            ) from error


def server_among(pids: Sequence[int]) -> JupyterServer | None:
    """The Jupyter Server that is one of these processes."""
    return next((server for server in _servers() if server.pid in pids), None) if pids else None


def _servers() -> Iterator[JupyterServer]:
    for path in sorted(jupyter_runtime_folder().glob("*server-*.json")):
        if (server := _read(path)) is not None:
            yield server


def _read(path: Path) -> JupyterServer | None:
    try:
        content: Any = json.loads(path.read_bytes())
        pid, url, token = content["pid"], content["url"], content.get("token", "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not (isinstance(pid, int) and isinstance(url, str) and isinstance(token, str)):
        return None
    return JupyterServer(pid, url.rstrip("/") + "/", token) if url.startswith(("http:", "https:")) else None
