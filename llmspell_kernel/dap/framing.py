"""Messages on a byte stream: `Content-Length: N`, an empty line, N bytes of JSON."""

from __future__ import annotations

import json
import re
from typing import BinaryIO

import msgspec

from llmspell_kernel.dap.protocol import Message
from llmspell_kernel.errors import BadRequestError

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of the largest message that is read."""

_HEADER_LIMIT = 4096
_SHOWN = 60
_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,12})[ \t]*", re.IGNORECASE)
_TYPE = re.compile(rb"content-type:.*", re.IGNORECASE)


def read_frame(stream: BinaryIO) -> bytes | None:
    """The bytes of the next message; None at the end of the stream.

    Only the two headers of the protocol are let through: what a web page makes a browser send to this port is
    then no message.

    Raises:
        BadRequestError: what comes is no message of the protocol; nothing after it can be read either.
        OSError: the stream is broken.
    """
    length: int | None = None
    for number in range(3):
        line = stream.readline(_HEADER_LIMIT)
        if not line:
            return None
        header = line.removesuffix(b"\n").removesuffix(b"\r")
        if not line.endswith(b"\n"):
            raise BadRequestError(f"no message of the Debug Adapter Protocol: {_shown(line)}")
        if not header and number:
            break
        if found := _LENGTH.fullmatch(header):
            length = int(found[1])
        elif not _TYPE.fullmatch(header):
            raise BadRequestError(f"no header of the Debug Adapter Protocol: {_shown(line)}")
    if length is None:
        raise BadRequestError("a message without a Content-Length header")
    if length > BODY_LIMIT:
        raise BadRequestError(f"a message of {length} bytes; the limit is {BODY_LIMIT}")
    return _read_body(stream, length)


def _read_body(stream: BinaryIO, length: int) -> bytes | None:
    """Reads piece by piece: a length alone must not claim memory. None if the stream ends before."""
    pieces = []
    while length:
        piece = stream.read(min(length, 65536))
        if not piece:
            return None
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _shown(line: bytes) -> str:
    return repr(line[:_SHOWN]).removeprefix("b")


def decode(body: bytes) -> object:
    """The JSON value of a message.

    Raises:
        BadRequestError: it is not JSON.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequestError(f"a message that is not JSON ({error}): {_shown(body)}") from None


def encode(message: Message) -> bytes:
    """A message with its header. Any text can be sent, also one that is no valid Unicode; any number too."""
    try:
        body = msgspec.json.encode(message)
    except (UnicodeEncodeError, OverflowError):
        body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
