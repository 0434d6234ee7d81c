"""Jupyter's wire format: messages as signed frames.

A small one of our own because jupyter_client's Session takes four times as long to import as everything
else that a short command needs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from llmspell_kernel.errors import ConnectionFileError

Message = dict[str, Any]

DELIMITER = b"<IDS|MSG>"
_PARTS = 4  # header, parent_header, metadata, content


class WireError(ValueError):
    """Frames that are no message of this kernel's: signed with another key, cut, or no JSON."""


class Wire:
    """Packs and unpacks the messages of one kernel. Any thread."""

    def __init__(self, key: bytes, signature_scheme: str = "hmac-sha256") -> None:
        """With an empty key nothing is signed or checked.

        Raises:
            ConnectionFileError: there is no such scheme.
        """
        self._hash: hmac.HMAC | None = None
        if key:
            try:
                self._hash = hmac.new(key, digestmod=getattr(hashlib, signature_scheme[5:]))
            except (AttributeError, TypeError, ValueError) as error:
                raise ConnectionFileError(
                    f"signature_scheme is {signature_scheme!r}, which is unknown; Jupyter's is 'hmac-sha256'"
                ) from error

    def pack(self, message: Message) -> list[bytes]:
        """The frames of a message, beginning with the delimiter."""
        parts = [
            json.dumps(message[name], ensure_ascii=False, default=str).encode("utf-8", "replace")
            for name in ("header", "parent_header", "metadata", "content")
        ]
        return [DELIMITER, self._sign(parts), *parts, *message.get("buffers", ())]

    def unpack(self, frames: Sequence[bytes]) -> Message:
        """The message that frames are, without the identities before the delimiter.

        Raises:
            WireError: they are none, or signed with another key.
        """
        try:
            begin = frames.index(DELIMITER) + 1
            signature, *parts = frames[begin : begin + 1 + _PARTS]
            if len(parts) < _PARTS:
                raise WireError(f"a message has {_PARTS} parts, this one {len(parts)}")
            if self._hash is not None and not hmac.compare_digest(self._sign(parts), signature):
                raise WireError("the message is signed with another key")
            header, parent, metadata, content = map(json.loads, parts)
            return {
                "header": header,
                "msg_id": header["msg_id"],
                "msg_type": header["msg_type"],
                "parent_header": parent,
                "metadata": metadata,
                "content": content,
                "buffers": list(frames[begin + 1 + _PARTS :]),
            }
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, WireError):
                raise
            raise WireError(f"the frames are no Jupyter message: {error}") from error

    def _sign(self, parts: Sequence[bytes]) -> bytes:
        if self._hash is None:
            return b""
        digest = self._hash.copy()
        for part in parts:
            digest.update(part)
        return digest.hexdigest().encode()
