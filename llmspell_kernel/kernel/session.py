"""jupyter_client's Session with a short way for what a kernel does thousands of times.

Same wire format, same signatures, same checks. Saved are the dates that are parsed and never read, the
parent's header that is packed again although its bytes are at hand, and pyzmq's flag arithmetic for each
frame.
"""

from __future__ import annotations

import hmac
import itertools
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import zmq
from jupyter_client._version import protocol_version
from jupyter_client.session import DELIM, Session, extract_header
from zmq.backend import Socket as RawSocket
from zmq.eventloop.zmqstream import ZMQStream

_SEND_MORE = int(zmq.SNDMORE)
_PARTS = 5  # signature, header, parent, metadata, content
RAW_HEADER = "raw_header"
"""Key of a received message under which its header's bytes are kept."""


def send_frames(socket: zmq.Socket[Any], frames: Sequence[Any]) -> None:
    """Sends a message of several frames. The caller sees to it that nothing comes between them."""
    send = RawSocket.send
    for frame in frames[:-1]:
        send(socket, frame, _SEND_MORE)
    send(socket, frames[-1], 0)


def _look_again(stream: ZMQStream) -> None:
    """Has the stream read what arrived meanwhile: sending may have taken the wake-up for it away."""
    if int(stream.socket.get(zmq.EVENTS)) & zmq.POLLIN:
        stream.io_loop.add_callback(stream._handle_events, stream.socket, 0)


def _content(part: bytes) -> Any:
    r"""JSON, in which a lone surrogate (`\ud800`, which JavaScript may send) becomes a question mark.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(part)
    except orjson.JSONDecodeError:
        text = json.dumps(json.loads(part), ensure_ascii=False)
        return orjson.loads(text.encode("utf-8", "replace"))


class KernelSession(Session):
    """Signs, packs, checks and unpacks messages. Any thread may send; each socket has its own rules."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._numbers = itertools.count(1)

    def send(
        self,
        stream: Any,
        msg_or_type: str | dict[str, Any],
        content: dict[str, Any] | None = None,
        parent: dict[str, Any] | None = None,
        ident: bytes | list[bytes] | None = None,
        buffers: Sequence[Any] | None = None,
        track: bool = False,
        header: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        """Sends a message; as Session.send, but a ZMQStream's socket is written at once."""
        if not isinstance(msg_or_type, str) or header is not None or track:
            sent: dict[str, Any] | None = super().send(
                stream, msg_or_type, content, parent, ident, buffers, track, header, metadata
            )
            return sent
        message: dict[str, Any] = {
            "msg_type": msg_or_type,
            "parent_header": parent or {},
            "content": content or {},
            "metadata": metadata or {},
        }
        frames = self._frames(message, ident)
        frames += buffers or ()
        if isinstance(stream, ZMQStream):
            send_frames(stream.socket, frames)
            _look_again(stream)
        elif isinstance(stream, zmq.Socket):
            send_frames(stream, frames)
        else:
            stream.send_multipart(frames)
        return message

    def _frames(self, message: dict[str, Any], ident: bytes | list[bytes] | None) -> list[Any]:
        header = {
            "msg_id": f"{self.session}_{os.getpid()}_{next(self._numbers)}",
            "msg_type": message["msg_type"],
            "username": self.username,
            "session": self.session,
            "date": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "version": protocol_version,
        }
        parts = [
            orjson.dumps(header),
            self._parent(message["parent_header"]),
            self.pack(message["metadata"]) if message["metadata"] else b"{}",
            self.pack(message["content"]),
        ]
        idents = [] if ident is None else ident if isinstance(ident, list) else [ident]
        return [*idents, DELIM, self.sign(parts), *parts]

    def _parent(self, parent: dict[str, Any]) -> bytes:
        if not parent:
            return b"{}"
        raw = parent.get(RAW_HEADER)
        packed: bytes = self.pack(extract_header(parent)) if raw is None else raw
        return packed

    def sign(self, msg_list: list[bytes]) -> bytes:
        """The HMAC of the four parts, in hexadecimal."""
        if self.auth is None:
            return b""
        digest = self.auth.copy()
        digest.update(b"".join(msg_list))
        return bytes(digest.hexdigest(), "ascii")

    def deserialize(self, msg_list: list[bytes], content: bool = True, copy: bool = True) -> dict[str, Any]:
        """Checks and unpacks what follows the delimiter.

        Raises:
            ValueError: it is too short, unsigned, wrongly signed, sent before, or not JSON objects.
        """
        if not copy:
            msg_list = [frame.bytes for frame in msg_list]  # type: ignore[attr-defined]
        if len(msg_list) < _PARTS:
            raise ValueError(
                f"a message has at least {_PARTS} parts behind the delimiter, this one {len(msg_list)}"
            )
        signature, header_part, parent, metadata, body = msg_list[:_PARTS]
        if self.auth is not None:
            self._check(signature, msg_list[1:_PARTS])
        header = orjson.loads(header_part)
        message = {
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": header["msg_type"],
            "parent_header": orjson.loads(parent),
            "metadata": orjson.loads(metadata),
            "content": _content(body) if content else body,
            "buffers": [memoryview(part) for part in msg_list[_PARTS:]],
            RAW_HEADER: header_part,
        }
        if not (isinstance(message["metadata"], dict) and isinstance(message["parent_header"], dict)):
            raise ValueError("metadata and parent_header must be objects")
        return message

    def _check(self, signature: bytes, parts: list[bytes]) -> None:
        if not signature:
            raise ValueError("unsigned message")
        if signature in self.digest_history:
            raise ValueError(f"replayed message: signature {signature!r} was seen before")
        if not hmac.compare_digest(self.sign(parts), signature):
            raise ValueError(f"wrong signature {signature!r}")
        self._add_digest(signature)
