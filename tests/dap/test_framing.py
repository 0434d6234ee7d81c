from __future__ import annotations

import io
import json

import pytest

from llmspell_kernel.dap.framing import BODY_LIMIT, decode, encode, read_frame
from llmspell_kernel.errors import BadRequestError


def test_messages_come_out_as_they_went_in() -> None:
    messages: list[dict[str, object]] = [{"seq": 1, "text": "ä\n€"}, {"seq": 2}]
    stream = io.BytesIO(b"".join(encode(message) for message in messages))
    frames = [read_frame(stream), read_frame(stream)]
    assert [decode(frame) for frame in frames if frame is not None] == messages
    assert read_frame(stream) is None


@pytest.mark.parametrize(
    "header",
    [b"Content-Length: 2\n\n", b"content-type: x\r\ncontent-length:2\r\n\r\n"],
    ids=["lines", "type"],
)
def test_headers_are_read_as_clients_write_them(header: bytes) -> None:
    assert read_frame(io.BytesIO(header + b"{}")) == b"{}"


def test_text_that_is_no_unicode_can_be_sent() -> None:
    for message in ({"text": "\udcff"}, {"number": 2**80}):
        body = encode(message).partition(b"\r\n\r\n")[2]
        assert json.loads(body) == message


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"Content-Length: 2\r\nHost: localhost\r\n\r\n{}",
        b"Content-Length: x\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 99999999999999999999\r\n\r\n",
        b"Content-Length: %d\r\n\r\n" % (BODY_LIMIT + 1),
        b"Content-Type: json\r\n\r\n{}",
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
        b"x" * 100_000,
        b"Content-Length: 2",
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequestError):
        read_frame(io.BytesIO(data))


@pytest.mark.parametrize("data", [b"", b"Content-Length: 9\r\n\r\n{}", b"Content-Length: 2\r\n"])
def test_a_stream_may_end_anywhere(data: bytes) -> None:
    assert read_frame(io.BytesIO(data)) is None


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"nonsense"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequestError) as failed:
        decode(body)
    assert "not JSON" in str(failed.value) and len(str(failed.value)) < 300
