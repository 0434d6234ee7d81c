"""Services and runtimes whose store lies in the test's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.config.loading import load
from llmspell_kernel.config.sections import Settings
from llmspell_kernel.interpreter import Outcome
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.state.service import State
from llmspell_kernel.runtime import Runtime, runtime_settings

from ...lua.shell import MemoryFrontend

SettingsOf = Callable[..., Settings]


@pytest.fixture
def settings_of(tmp_path: Path) -> SettingsOf:
    """Settings with the store in the test's folder; others by dotted key."""

    def make(flags: dict[str, Any] | None = None) -> Settings:
        base = {"storage.base_dir": str(tmp_path / "data")}
        return load(flags={**base, **(flags or {})}, environ={"HOME": str(tmp_path)}).settings

    return make


@pytest.fixture
def new_services(settings_of: SettingsOf) -> Iterator[Callable[..., Services]]:
    """Services as one process has them; several see the same store."""
    made: list[Services] = []

    def make(flags: dict[str, Any] | None = None) -> Services:
        made.append(Services(lambda: settings_of(flags)))
        return made[-1]

    yield make
    for services in made:
        services.close()


@pytest.fixture(params=["memory", "sqlite"])
def services(request: pytest.FixtureRequest, new_services: Callable[..., Services]) -> Services:
    """Services on a store of either kind."""
    return new_services({"runtime.state_persistence.backend_type": request.param})


@pytest.fixture
def state(services: Services) -> State:
    return services.state


class Script:
    """Runs Lua over a runtime, cell by cell."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._number = 0

    def __call__(self, code: str) -> str | None:
        """The result as text; the code must not fail."""
        outcome = self._run(code)
        assert outcome.error is None, outcome.error
        return None if outcome.result is None else str(outcome.result.data["text/plain"])

    def error(self, code: str) -> str:
        """What the code fails with."""
        outcome = self._run(code)
        assert outcome.error is not None, outcome
        return outcome.error.value

    def _run(self, code: str) -> Outcome:
        self._number += 1
        return self.runtime.execute(code, number=self._number)


@pytest.fixture
def new_script(settings_of: SettingsOf) -> Iterator[Callable[..., Script]]:
    """Runtimes over the same store, as processes of their own would be."""
    made: list[Runtime] = []

    def make(flags: dict[str, Any] | None = None, language: str = "lua54") -> Script:
        settings = settings_of({"default_engine": language, **(flags or {})})
        made.append(Runtime(MemoryFrontend(), runtime_settings(settings)))
        return Script(made[-1])

    yield make
    for runtime in made:
        runtime.close()
