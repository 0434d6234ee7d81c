"""What a connection file says: where a kernel's channels are, and the key that signs its messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Self

from llmspell_kernel.errors import ConnectionFileError

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
"""The five channels, in the order of their ports where these are consecutive."""

_TRANSPORTS = ("tcp", "ipc")
_LOOPBACK = ("localhost", "::1", "0.0.0.0", "*", "")
_OTHER_SIDE = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "": "127.0.0.1"}
MAX_FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one kernel.

    Attributes:
        ports: by channel name; for `ipc` the numbers behind the dash of the socket files.
        ip: an address, or for `ipc` the stem of the socket files.
        key: signs the messages; empty for none.
        kernel_name: the name of its kernelspec; may be empty.
        curve_publickey, curve_secretkey: Z85 keys of CurveZMQ; None for no encryption.
        file: where it was read.
        extra: the fields that are not Jupyter's (`llmspell_...`).
    """

    ports: Mapping[str, int]
    ip: str = "127.0.0.1"
    transport: str = "tcp"
    key: bytes = b""
    signature_scheme: str = "hmac-sha256"
    kernel_name: str = ""
    curve_publickey: bytes | None = None
    curve_secretkey: bytes | None = None
    file: Path | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """What the file says.

        Raises:
            ConnectionFileError: it is not there, cannot be read, or lacks what is needed.
        """
        try:
            with path.open("rb") as file:
                text = file.read(MAX_FILE_BYTES)
        except IsADirectoryError as error:
            raise ConnectionFileError(f"{path} is a directory; name the connection file in it") from error
        except FileNotFoundError as error:
            raise ConnectionFileError(
                f"there is no connection file {path}; `llmspell kernel list` shows the kernels that run"
            ) from error
        except OSError as error:
            raise ConnectionFileError(f"cannot read the connection file {path}: {error.strerror}") from error
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConnectionFileError(f"{path} is no connection file: it is not JSON") from error
        return cls.of(content, file=path)

    @classmethod
    def of(cls, content: object, *, file: Path | None = None) -> Self:
        """Checks what a connection file says; `file` is where it was read.

        Raises:
            ConnectionFileError: a field is missing or makes no sense.
        """
        fields = _Fields(content, str(file) if file else "the connection information")
        transport = fields.text("transport", "tcp")
        if transport not in _TRANSPORTS:
            fields.refuse("transport", transport, " or ".join(map(repr, _TRANSPORTS)))
        scheme = fields.text("signature_scheme", "hmac-sha256")
        if not scheme.startswith("hmac-"):
            fields.refuse("signature_scheme", scheme, "'hmac-' and the name of a hash, as in 'hmac-sha256'")
        return cls(
            ports={name: fields.port(f"{name}_port") for name in CHANNELS},
            ip=fields.text("ip", "127.0.0.1"),
            transport=transport,
            key=fields.text("key").encode(),
            signature_scheme=scheme,
            kernel_name=fields.text("kernel_name", ""),
            curve_publickey=fields.text("curve_publickey", "").encode() or None,
            curve_secretkey=fields.text("curve_secretkey", "").encode() or None,
            file=file,
            extra={name: value for name, value in fields.content.items() if name.startswith("llmspell_")},
        )

    def content(self) -> dict[str, Any]:
        """As Jupyter's clients take it."""
        content: dict[str, Any] = {f"{name}_port": port for name, port in self.ports.items()}
        content |= {
            "ip": self.ip,
            "transport": self.transport,
            "key": self.key.decode(),
            "signature_scheme": self.signature_scheme,
            "kernel_name": self.kernel_name,
        }
        if self.curve_publickey and self.curve_secretkey:
            content["curve_publickey"] = self.curve_publickey.decode()
            content["curve_secretkey"] = self.curve_secretkey.decode()
        return content

    @property
    def host(self) -> str:
        """The address that a client on this machine connects to: a kernel may listen on all addresses."""
        return _OTHER_SIDE.get(self.ip, self.ip)

    def endpoint(self, channel: str) -> str:
        """The ZeroMQ endpoint of a channel."""
        port = self.ports[channel]
        if self.transport == "ipc":
            return f"ipc://{self.ip}-{port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{port}"

    @property
    def is_local(self) -> bool:
        """Whether the kernel is on this machine for sure: reached by loopback or by files."""
        return self.transport == "ipc" or is_loopback(self.ip)


def is_loopback(host: str) -> bool:
    """Whether an address or name means this machine."""
    return host in _LOOPBACK or host.startswith("127.")


class _Fields:
    """The fields of a connection file, each checked as it is taken."""

    def __init__(self, content: object, place: str) -> None:
        if not isinstance(content, dict):
            raise ConnectionFileError(
                f"{place} has no fields: a connection file is a JSON object with shell_port, key ..."
            )
        self.content: dict[str, Any] = content
        self._place = place

    def text(self, name: str, default: str | None = None) -> str:
        value = self.content.get(name, default)
        if isinstance(value, str):
            return value
        if value is None:
            raise ConnectionFileError(f"{self._place} has no {name!r}; take the file that the kernel wrote")
        self.refuse(name, value, "a string")

    def port(self, name: str) -> int:
        value = self.content.get(name)
        if value is None:
            raise ConnectionFileError(f"{self._place} has no {name!r}; take the file that the kernel wrote")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
            self.refuse(name, value, "a port between 1 and 65535")
        return value

    def refuse(self, name: str, value: object, allowed: str) -> NoReturn:
        raise ConnectionFileError(f"{self._place}: {name} is {value!r}, which is not {allowed}")
