"""The header that every client's request begins with."""

from __future__ import annotations

from llmspell_kernel.kernel.dates import now

PROTOCOL_VERSION = "5.3"


def request_header(msg_type: str, msg_id: str, session: str) -> dict[str, str]:
    """The header of a request that is sent now."""
    return {
        "msg_id": msg_id,
        "msg_type": msg_type,
        "username": "llmspell",
        "session": session,
        "date": now(),
        "version": PROTOCOL_VERSION,
    }
