"""Finding kernels by the connection files that they and their managers leave.

A kernel's id is the name of its file without `kernel-` and `.json`: what Jupyter Server calls its id, what
`llmspell kernel start --id` gave it, or what its manager chose.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from llmspell_kernel.client.connection import CHANNELS, Connection, is_loopback
from llmspell_kernel.errors import ConnectionFileError, NoSuchKernelError, UnknownKeyError

_CONNECT_SECONDS = 0.5
_SCHEME = "tcp://"
_SHOWN = 5
"""How many kernels an error message names."""


def folders() -> list[Path]:
    """Where connection files are looked for: Jupyter's runtime folder, then LLMSpell's own."""
    found = [jupyter_runtime_folder(), Path.home() / ".llmspell/kernels"]
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        found.append(Path(runtime, "llmspell/kernels"))
    return list(dict.fromkeys(found))


def jupyter_runtime_folder() -> Path:
    """Where Jupyter's programs leave the files of what runs."""
    if folder := os.environ.get("JUPYTER_RUNTIME_DIR"):
        return Path(folder)
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


@dataclass(frozen=True, slots=True)
class FoundKernel:
    """What leads to a kernel that runs, or to nothing any more, or says nothing at all.

    Attributes:
        id: what people call it.
        content: how to reach it, or why its file does not say that.
        file: its connection file; None for one that was named by address and key.
    """

    id: str
    content: Connection | ConnectionFileError
    file: Path | None = None

    @classmethod
    def of_file(cls, file: Path) -> Self:
        """By its connection file, which is read now."""
        content: Connection | ConnectionFileError
        try:
            content = Connection.read(file)
        except ConnectionFileError as error:
            content = error
        return cls(file.stem.removeprefix("kernel-"), content, file)

    @property
    def connection(self) -> Connection:
        """How to reach it.

        Raises:
            ConnectionFileError: its file does not say that.
        """
        if isinstance(self.content, ConnectionFileError):
            raise self.content
        return self.content

    @property
    def name(self) -> str:
        """The name of its kernelspec; may be empty."""
        return "" if isinstance(self.content, ConnectionFileError) else self.content.kernel_name

    @property
    def is_ours(self) -> bool:
        """Whether this is a LLMSpell kernel, as far as its file and its kernelspec tell."""
        content = self.content
        if isinstance(content, ConnectionFileError):
            return False
        return self.file is None or bool(content.extra) or is_our_kernelspec(content.kernel_name)

    @property
    def listens(self) -> bool:
        """Whether anything accepts connections on its heartbeat port: a kernel that has died does not."""
        return not isinstance(self.content, ConnectionFileError) and listens(self.content)


def find_kernels(places: Iterable[Path] | None = None) -> list[FoundKernel]:
    """All connection files, the newest first; by default those in `folders()`. A file counts once."""
    found: dict[str, tuple[float, FoundKernel]] = {}
    for folder in folders() if places is None else places:
        for file in _files(folder):
            try:
                changed = file.lstat().st_mtime
            except OSError:  # gone meanwhile
                continue
            real = os.path.realpath(file)
            if real not in found:
                found[real] = changed, FoundKernel.of_file(file)
    return [kernel for _, kernel in sorted(found.values(), key=lambda each: each[0], reverse=True)]


def _files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # not there, or not ours to read
        return
    for entry in entries:
        if entry.name.startswith("kernel-") and entry.name.endswith(".json"):
            yield Path(entry.path)


def is_our_kernelspec(name: str) -> bool:
    """Whether the kernelspec of that name starts a LLMSpell kernel."""
    if not name or "/" in name or os.sep in name:
        return False
    if name == "llmspell" or name.startswith("llmspell-"):
        return True
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("kernels"):
        try:
            return b"llmspell_kernel" in Path(folder, name, "kernel.json").read_bytes()
        except OSError:
            continue
    return False


def listens(connection: Connection, channel: str = "hb") -> bool:
    """Whether anything accepts connections there."""
    port = connection.ports[channel]
    try:
        if connection.transport == "ipc":
            with socket.socket(socket.AF_UNIX) as end:
                end.settimeout(_CONNECT_SECONDS)
                end.connect(f"{connection.ip}-{port}")
        else:
            socket.create_connection((connection.host, port), _CONNECT_SECONDS).close()
    except BlockingIOError:
        return True  # its queue is full: it is there, but does not take up connections
    except TimeoutError:
        return connection.is_local
    except OSError:
        return False
    return True


def resolve(where: str, *, key: str | None = None, among: Sequence[FoundKernel] | None = None) -> Connection:
    """How to reach the kernel that a person means: the connection of what `find_kernel` finds.

    Raises:
        ConnectionFileError: its connection file is missing or makes no sense, or its key is not known.
        NoSuchKernelError: none or several are called so.
    """
    return find_kernel(where, key=key, among=among).connection


def find_kernel(
    where: str, *, key: str | None = None, among: Sequence[FoundKernel] | None = None
) -> FoundKernel:
    """The kernel that a person means, whether it runs or not.

    Args:
        where: a connection file's path, an id or the unique beginning of one, the name of a kernelspec of
            which just one kernel runs, or `tcp://host:port` of a shell channel.
        key: of the kernel at `tcp://host:port`; by default the one in the file that was found for it.
        among: the kernels to look through; by default all there are.

    Raises:
        ConnectionFileError: there is no such file.
        UnknownKeyError: no key is known for the address.
        NoSuchKernelError: none or several are called so.
    """
    if found := _as_file(where):
        return found
    if address := _address(where):
        return _at_address(where, *address, key, among)
    kernels = find_kernels() if among is None else among
    wanted = where.removeprefix("kernel-").removesuffix(".json")
    for matching in (
        [each for each in kernels if each.id == wanted],
        [each for each in kernels if wanted and each.id.startswith(wanted)],
        [each for each in kernels if each.name == where != ""],
    ):
        if matching:
            return _only(matching, where)
    raise NoSuchKernelError(f"there is no kernel {where!r}; {_those_there(kernels)}")


def only_kernel(among: Sequence[FoundKernel] | None = None) -> FoundKernel:
    """The LLMSpell kernel that runs, if there is just one.

    Raises:
        NoSuchKernelError: there is none, or several.
    """
    kernels = find_kernels() if among is None else among
    running = [each for each in kernels if each.is_ours and each.listens]
    if len(running) == 1:
        return running[0]
    if not running:
        raise NoSuchKernelError("no LLMSpell kernel runs; `llmspell kernel start` starts one")
    raise NoSuchKernelError(f"several kernels run: say which of {_ids(running)}")


def _only(matching: Sequence[FoundKernel], where: str) -> FoundKernel:
    """The one that matches; of several the one that runs."""
    if len(matching) > 1:
        running = [each for each in matching if each.listens]
        if len(running) != 1:
            raise NoSuchKernelError(
                f"{where!r} may mean several kernels: {_ids(running or matching)}; say more"
            )
        return running[0]
    return matching[0]


def _ids(kernels: Sequence[FoundKernel]) -> str:
    named = ", ".join(each.id for each in kernels[:_SHOWN])
    return named if len(kernels) <= _SHOWN else f"{named} and {len(kernels) - _SHOWN} more"


def _those_there(kernels: Sequence[FoundKernel]) -> str:
    if not kernels:
        return "none runs here; `llmspell kernel start` starts one"
    return f"there are {_ids(kernels)} (see `llmspell kernel list`)"


def _as_file(where: str) -> FoundKernel | None:
    """The connection file that is meant, if it is one: whatever has a slash in it, or is there."""
    path = Path(where).expanduser()
    if "://" in where or not (os.sep in where or (where.endswith(".json") and path.is_file())):
        return None
    found = FoundKernel.of_file(path.absolute())
    if not path.exists():
        _ = found.connection  # says so
    return found


# Addresses


def _address(where: str) -> tuple[str, int] | None:
    """Host and port of `tcp://host:port` or `host:port`.

    Raises:
        NoSuchKernelError: it begins as a URL and goes on wrongly.
    """
    has_scheme = "://" in where
    host, colon, port = where.removeprefix(_SCHEME).rstrip("/").rpartition(":")
    if colon and host and "/" not in host and port.isdecimal() and 0 < int(port) < 65536:
        return host.strip("[]"), int(port)
    if has_scheme:
        raise NoSuchKernelError(
            f"{where!r} is not tcp://HOST:PORT of a kernel's shell channel, as in tcp://127.0.0.1:9555"
        )
    return None


def _at_address(
    where: str, host: str, port: int, key: str | None, among: Sequence[FoundKernel] | None
) -> FoundKernel:
    if key is not None:
        ports = {name: port + offset for offset, name in enumerate(CHANNELS)}
        return FoundKernel(f"{host}:{port}", Connection(ports=ports, ip=host, key=key.encode()))
    for kernel in find_kernels() if among is None else among:
        content = kernel.content
        if isinstance(content, ConnectionFileError) or content.transport != "tcp":
            continue
        if content.ports["shell"] == port and _same_host(content.ip, host):
            return kernel
    raise UnknownKeyError(where, f"for ports {port} to {port + len(CHANNELS) - 1}")


def _same_host(one: str, other: str) -> bool:
    return one == other or (is_loopback(one) and is_loopback(other))
