"""Connection files for tests that find kernels."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NOBODY_LISTENS = 1
"""A port that is free for sure: only the system's own services may use it."""


def write(path: Path, *, port: int = NOBODY_LISTENS, without: str = "", **fields: Any) -> Path:
    """A connection file whose channels are `port` and the four behind it."""
    content: dict[str, Any] = {
        f"{name}_port": port + step for step, name in enumerate(("shell", "iopub", "stdin", "control", "hb"))
    }
    content |= {"ip": "127.0.0.1", "transport": "tcp", "key": "secret", "signature_scheme": "hmac-sha256"}
    content |= {"kernel_name": "llmspell", **fields}
    content.pop(without, None)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@contextmanager
def listener() -> Iterator[int]:
    """A port on which something listens that is no kernel."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
