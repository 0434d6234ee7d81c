"""Services over stores that forget, and over a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmspell_kernel.config.loading import over_defaults
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.config.sections.storage import PostgresStorage
from llmspell_kernel.library.services import Services
from llmspell_kernel.runtime import Runtime, runtime_settings

from ...lua.shell import CellRunner, MemoryFrontend
from ...postgres import PostgresServer

MakeServices = Callable[..., Services]

_TENANTS = count(1)


def settings_for(folder: Path, backend: str = "memory", **sessions: Any) -> Settings:
    """Settings whose stores are in `folder`."""
    return over_defaults(
        {
            "storage": {"base_dir": str(folder)},
            "runtime": {
                "sessions": {"storage_backend": backend, **sessions},
                "state_persistence": {"backend_type": backend},
            },
        }
    )


@pytest.fixture
def make_services(tmp_path: Path) -> Iterator[MakeServices]:
    """Makes services; `backend` and settings of sessions may be named. All end after the test."""
    made: list[Services] = []

    def make(backend: str = "memory", **sessions: Any) -> Services:
        made.append(Services(lambda: settings_for(tmp_path, backend, **sessions)))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Services]:
    """Services over each backend, without anything in it."""
    settings = settings_for(tmp_path, request.param)
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        postgres = PostgresStorage(url=server.url(), tenant_id=f"sessions-{next(_TENANTS)}")
        storage = msgspec.structs.replace(settings.storage, postgres=postgres)
        settings = msgspec.structs.replace(settings, storage=storage)
    made = Services(lambda: settings)
    yield made
    made.close()


class Shell(CellRunner):
    """Runs cells in a runtime with all globals."""

    def __init__(self, settings: Settings) -> None:
        self.frontend = RecordedFrontend()
        self.runtime = Runtime(self.frontend, runtime_settings(settings))
        self.services = self.runtime.services
        self.number = 0

    def outcome(self, code: str) -> Any:
        """Runs a cell."""
        self.number += 1
        return self.runtime.execute(code, number=self.number)


class RecordedFrontend(MemoryFrontend):
    """A front in memory whose output can be recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.sink: Any = None

    def record(self, sink: Any) -> None:
        """As a kernel's front."""
        self.sink = sink

    def write(self, stream: Any, data: bytes) -> None:
        """Also into the record."""
        if self.sink is not None:
            self.sink.add_bytes(stream, data)
        super().write(stream, data)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A runtime over a file."""
    made = Shell(settings_for(tmp_path, "sqlite"))
    yield made
    made.runtime.close()
