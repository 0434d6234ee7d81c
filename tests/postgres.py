"""A real PostgreSQL server for the tests, from Debian's packages."""

from __future__ import annotations

import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psutil
import psycopg
import pytest

START_SECONDS = 60
"""How long a server may take to answer on a busy machine."""

_NUMBERS = count(1)


class PostgresServer:
    """One cluster in a folder of its own; nobody but this machine's loopback reaches it.

    Attributes:
        port: on 127.0.0.1, and of the socket in `folder`.
        folder: everything it keeps.
    """

    def __init__(self) -> None:
        self._programs = _programs()
        self.port = _free_port()
        # PostgreSQL does not run as root; pytest's folders are closed to others.
        self._user = "postgres" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="llmspell-pg-", dir="/tmp"))
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        self._call(
            *(str(self._programs / "initdb"), "-D", str(self.folder / "data"), "--username=postgres"),
            *("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"),
        )

    def start(self) -> None:
        """Starts it and waits until it has said that it is ready."""
        log = self.folder / "log"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, log.open("ab") as output:
            address = self.folder / "ready"
            address.unlink(missing_ok=True)
            ready.bind(str(address))
            address.chmod(0o777)
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres",
                    *("-D", self.folder / "data", "-k", self.folder, "-p", str(self.port)),
                    *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=on", "-c", "shared_buffers=16MB"),
                    *("-c", "max_connections=60"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env={**os.environ, "NOTIFY_SOCKET": str(address)},
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user else None,
            )
            self._wait_ready(ready)
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            raise RuntimeError(f"PostgreSQL did not start: {error}\n{log.read_text()}") from error

    def _wait_ready(self, ready: socket.socket) -> None:
        """Returns when it has said so as services do to systemd, when it has ended, or when it had its time.

        Where it was built without that, it always takes the whole time.
        """
        assert self._process is not None
        until = time.monotonic() + START_SECONDS
        ended = os.pidfd_open(self._process.pid)
        try:
            while (left := until - time.monotonic()) > 0:
                there, _, _ = select.select([ready.fileno(), ended], [], [], left)
                if ended in there or (there and b"READY=1" in ready.recv(4096)):
                    return
        finally:
            os.close(ended)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends it, with all its connections; SIGQUIT leaves the tidying to the next start."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_SECONDS)
            self._process = None

    def limit_files(self, size: int | None) -> None:
        """From now on no file of it grows beyond this, as on a full disk; None for any size."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        limit = f"--fsize={'unlimited' if size is None else size}:"
        for process in (server, *server.children()):
            self._call("prlimit", limit, "--pid", str(process.pid))

    def kill(self) -> None:
        """Ends it as a crash would, and waits until nothing of it is left."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait(START_SECONDS)
        self._process = None
        _, left = psutil.wait_procs(children, START_SECONDS)
        assert not left, left

    def remove(self) -> None:
        """Ends it, and removes everything."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Its address."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"test_{next(_NUMBERS)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Runs a statement as the server's owner."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _call(self, *command: str) -> None:
        """Runs a program as the server's user."""
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=self.folder,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the whole run. Who needs to be alone in a database makes a new one."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _programs() -> Path:
    """Where the newest version's programs are: Debian has each version in a folder, and none in PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if folders:
        return folders[-1]
    found = shutil.which("initdb")
    if found is None:
        raise RuntimeError("these tests need a PostgreSQL server: tools/debian.sh postgresql, or `make test`")
    return Path(found).resolve().parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
