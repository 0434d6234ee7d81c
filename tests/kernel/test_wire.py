"""Whatever arrives on the channels: what is no proper signed message is ignored, and the kernel goes on."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from ..kernels import KernelSession, Message, start_kernel

DELIMITER = b"<IDS|MSG>"
CHANNELS = ("shell", "control", "stdin", "iopub", "hb")
KINDS = {"shell": zmq.DEALER, "control": zmq.DEALER, "stdin": zmq.DEALER, "iopub": zmq.SUB, "hb": zmq.REQ}
FUZZ_FRAMES = 400


@dataclass
class Wire:
    """Sockets of our own to a kernel, and its session to sign with."""

    kernel: KernelSession
    session: Session
    context: zmq.Context[Any] = field(default_factory=zmq.Context)
    sockets: dict[str, zmq.Socket[bytes]] = field(default_factory=dict)

    def __getitem__(self, channel: str) -> zmq.Socket[bytes]:
        if channel not in self.sockets:
            socket = self.context.socket(KINDS[channel])
            socket.linger = 0
            info = self.kernel.manager.get_connection_info()
            socket.connect(f"tcp://{info['ip']}:{info[f'{channel}_port']}")
            self.sockets[channel] = socket
        return self.sockets[channel]

    def frames(self, msg_type: str, content: Message | None = None) -> list[bytes]:
        """A proper message: delimiter, signature and four parts."""
        frames: list[bytes] = self.session.serialize(self.session.msg(msg_type, content or {}))
        return frames

    def signed(self, *parts: bytes) -> list[bytes]:
        """Any parts with a signature that is right."""
        return [DELIMITER, self.session.sign(list(parts)), *parts]

    def check_alive(self) -> None:
        """The next request on shell and on control is answered, and only that."""
        for channel in ("shell", "control"):
            request = self.session.msg("kernel_info_request", {})
            self.session.send(self[channel], request)
            reply = self.receive(channel)
            assert reply["msg_type"] == "kernel_info_reply"
            assert reply["parent_header"]["msg_id"] == request["header"]["msg_id"]
        assert self.kernel.execute("1 + 1").result == "2"

    def receive(self, channel: str) -> Message:
        """The next message on one of our sockets."""
        assert self[channel].poll(10_000), f"nothing on {channel}"
        _, parts = self.session.feed_identities(self[channel].recv_multipart())
        message: Message = self.session.deserialize(parts)
        return message


@pytest.fixture(scope="module")
def wire(kernelspecs: list[str]) -> Iterator[Wire]:
    kernel = start_kernel("llmspell")
    session = Session(key=kernel.manager.session.key, digest_history_size=0)
    wire = Wire(kernel, session)
    yield wire
    wire.context.destroy()
    kernel.end()


EXECUTE = {"code": "hacked = true", "silent": False}


def malformed(wire: Wire) -> dict[str, list[bytes]]:
    """Frames by what is wrong with them."""
    good = wire.frames("execute_request", EXECUTE)
    delimiter, signature, header, parent, metadata, content = good
    message = json.loads(header)
    headers = {
        "no msg_id": {key: value for key, value in message.items() if key != "msg_id"},
        "no msg_type": {key: value for key, value in message.items() if key != "msg_type"},
        "msg_type is a number": {**message, "msg_type": 5},
        "msg_type is a list": {**message, "msg_type": ["execute_request"]},
        "unknown msg_type": {**message, "msg_type": "no_such_request"},
        "reply as request": {**message, "msg_type": "execute_reply"},
        "bad date": {**message, "date": "yesterday"},
        "header is a list": [1, 2, 3],
        "header is a string": "header",
        "header is null": None,
    }
    cases = {
        "empty frame": [b""],
        "no delimiter": [signature, header, parent, metadata, content],
        "only a delimiter": [DELIMITER],
        "only a signature": [DELIMITER, signature],
        "unsigned": [delimiter, b"", header, parent, metadata, content],
        "wrongly signed": [delimiter, b"0" * 64, header, parent, metadata, content],
        "signature of another length": [delimiter, b"0" * 7, header, parent, metadata, content],
        "signature is no hex": [delimiter, b"\xff\x00" * 32, header, parent, metadata, content],
        "content changed": [
            delimiter,
            signature,
            header,
            parent,
            metadata,
            content.replace(b"true", b"1   "),
        ],
        "another key": Session(key=b"another").serialize(wire.session.msg("execute_request", EXECUTE)),
        "parts in another order": [delimiter, signature, content, metadata, parent, header],
        "no content": [delimiter, signature, header, parent, metadata],
        "two delimiters": [delimiter, delimiter, *good[1:]],
        "no JSON": wire.signed(b"{", b"{}", b"{}", b"{}"),
        "no UTF-8": wire.signed(b"\xff\xfe", b"\x80", b"{}", b"{}"),
        "truncated header": wire.signed(header[:20], parent, metadata, content),
        "content is a list": wire.signed(header, parent, metadata, b"[]"),
        "content is null": wire.signed(header, parent, metadata, b"null"),
        "content is a number": wire.signed(header, parent, metadata, b"5"),
        "parent is a list": wire.signed(header, b"[1]", metadata, b"[]"),
        "deep nesting": wire.signed(header, parent, metadata, b"[" * 100_000),
        "huge number": wire.signed(header, parent, metadata, b'{"code": ' + b"9" * 10_000 + b"}"),
        "many frames": [b"x"] * 1000,
        "large frame": [b"x" * 5_000_000],
    }
    for count in range(1, 6):
        cases[f"truncated to {count} frames"] = good[:count]
    for name, changed in headers.items():
        cases[name] = wire.signed(json.dumps(changed).encode(), parent, metadata, content)
    return cases


@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
def test_malformed_messages_are_ignored(wire: Wire, channel: str) -> None:
    wire.kernel.execute("hacked = nil")
    for frames in malformed(wire).values():
        wire[channel].send_multipart(frames)
    drain(wire)
    wire.check_alive()


def drain(wire: Wire) -> None:
    """Takes what was answered to messages that were wrong in their content only."""
    for channel in ("shell", "control"):
        marker = wire.session.msg("kernel_info_request", {})
        wire.session.send(wire[channel], marker)
        while wire.receive(channel)["parent_header"].get("msg_id") != marker["header"]["msg_id"]:
            continue


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize(
    "name", ["unsigned", "wrongly signed", "another key", "content changed", "no delimiter"]
)
def test_what_is_not_signed_runs_nothing(wire: Wire, channel: str, name: str) -> None:
    wire.kernel.execute("hacked = nil")
    wire[channel].send_multipart(malformed(wire)[name])
    wire.check_alive()
    assert wire.kernel.execute("hacked").result == "nil"


@pytest.mark.parametrize(
    ("msg_type", "content"),
    [
        ("execute_request", {}),
        ("execute_request", {"code": None}),
        ("execute_request", {"code": 5}),
        ("execute_request", {"code": ["x"]}),
        ("execute_request", {"code": "1", "user_expressions": [1]}),
        ("execute_request", {"code": "1", "user_expressions": {"a": 5}}),
        ("complete_request", {}),
        ("complete_request", {"code": "x", "cursor_pos": -5}),
        ("complete_request", {"code": "x", "cursor_pos": 10**12}),
        ("complete_request", {"code": "x", "cursor_pos": "y"}),
        ("inspect_request", {"code": 5, "cursor_pos": None}),
        ("inspect_request", {"code": "print", "cursor_pos": 3, "detail_level": "x"}),
        ("is_complete_request", {"code": None}),
        ("history_request", {"hist_access_type": "nothing"}),
        ("history_request", {}),
        ("history_request", {"hist_access_type": "tail", "n": "many", "raw": True, "output": False}),
        ("comm_info_request", {"target_name": 5}),
    ],
)
def test_requests_with_strange_content_are_answered(wire: Wire, msg_type: str, content: Message) -> None:
    request = wire.session.msg(msg_type, content)
    wire.session.send(wire["shell"], request)
    reply = wire.receive("shell")
    assert reply["parent_header"]["msg_id"] == request["header"]["msg_id"]
    assert reply["msg_type"] == msg_type.replace("request", "reply")
    assert reply["content"]["status"] in ("ok", "error")
    wire.check_alive()


@pytest.mark.parametrize("msg_type", ["comm_open", "comm_msg", "comm_close"])
@pytest.mark.parametrize("content", [{}, {"comm_id": 5}, {"comm_id": "x", "target_name": None, "data": 7}])
def test_strange_comm_messages_are_survived(wire: Wire, msg_type: str, content: Message) -> None:
    wire.session.send(wire["shell"], wire.session.msg(msg_type, content))
    wire.check_alive()


def test_code_with_lone_surrogates(wire: Wire) -> None:
    """JSON can say them, UTF-8 cannot."""
    for code in (b"\"return '\\ud800'\"", b'"-- \\udcff\\n return 1"', b'"\\ud83d"'):
        header, parent, metadata, _ = wire.frames("execute_request", EXECUTE)[2:]
        wire["shell"].send_multipart(wire.signed(header, parent, metadata, b'{"code": ' + code + b"}"))
        assert wire.receive("shell")["msg_type"] == "execute_reply"
    wire.check_alive()


def test_a_replayed_message_runs_once(wire: Wire) -> None:
    wire.kernel.execute("runs = 0")
    frames = wire.frames("execute_request", {"code": "runs = runs + 1"})
    for _ in range(5):
        wire["shell"].send_multipart(frames)
    drain(wire)
    assert wire.kernel.execute("runs").result == "1"
    other = wire.context.socket(zmq.DEALER)
    other.linger = 0
    info = wire.kernel.manager.get_connection_info()
    other.connect(f"tcp://{info['ip']}:{info['shell_port']}")
    other.send_multipart(frames)
    other.close(linger=1000)
    wire.check_alive()
    assert wire.kernel.execute("runs").result == "1"


def test_shutdown_cannot_be_forged(wire: Wire) -> None:
    frames = wire.frames("shutdown_request", {"restart": False})
    frames[1] = b"0" * 64
    for channel in ("shell", "control"):
        wire[channel].send_multipart(frames)
    wire.check_alive()


def test_junk_on_iopub(wire: Wire) -> None:
    """Subscribing is the only thing a client may do there."""
    info = wire.kernel.manager.get_connection_info()
    junk = wire.context.socket(zmq.XSUB)
    junk.linger = 0
    junk.connect(f"tcp://{info['ip']}:{info['iopub_port']}")
    for frame in (b"", b"\x01", b"\x00", b"\x01" + b"x" * 100_000, b"\x02junk", b"\xff" * 300, b"execute"):
        junk.send(frame)
    junk.send_multipart([b"\x01", b"two", b"frames"])
    for _ in range(1000):
        junk.send(b"\x01topic")
    wire.check_alive()
    junk.close()
    wire.check_alive()


def test_the_heart_echoes_anything(wire: Wire) -> None:
    for data in (b"", b"ping", b"\xff" * 100_000):
        wire["hb"].send(data)
        assert wire["hb"].poll(10_000)
        assert wire["hb"].recv() == data


def test_random_frames(wire: Wire) -> None:
    """A fixed seed: random bytes, and proper messages with bytes changed, cut and mixed up."""
    chance = random.Random(20_240_601)
    wire.kernel.execute("hacked = nil")
    for index in range(FUZZ_FRAMES):
        frames = wire.frames("execute_request", EXECUTE)
        match index % 4:
            case 0:
                frames = [chance.randbytes(chance.randrange(200)) for _ in range(chance.randrange(1, 9))]
            case 1:
                at = chance.randrange(1, len(frames))
                data = bytearray(frames[at] or b"x")
                data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
                frames[at] = bytes(data)
            case 2:
                at = chance.randrange(2, len(frames))
                frames[at] = frames[at][: chance.randrange(len(frames[at]))]
            case _:
                chance.shuffle(frames)
                if frames == sorted(frames):
                    frames.reverse()
                frames = frames[: chance.randrange(1, len(frames))]
        wire[chance.choice(("shell", "control", "stdin"))].send_multipart(frames)
    wire.check_alive()
    assert wire.kernel.execute("hacked").result == "nil"


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_requests_in_quick_succession_are_all_answered(wire: Wire, channel: str) -> None:
    for _ in range(100):
        requests = [wire.session.msg("kernel_info_request", {}) for _ in range(3)]
        for request in requests:
            wire.session.send(wire[channel], request)
        for request in requests:
            assert wire.receive(channel)["parent_header"]["msg_id"] == request["header"]["msg_id"]
