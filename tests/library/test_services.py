"""What the services of one runtime are to several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.config.loading import load
from llmspell_kernel.library.services import Services


@pytest.mark.parametrize(
    "ask",
    [
        lambda services: services.store("sqlite"),
        lambda services: services.settings,
        lambda services: services.sessions,
        lambda services: services.state,
        lambda services: services.tools,
    ],
)
def test_all_threads_get_the_same(tmp_path: Path, ask: Callable[[Services], Any]) -> None:
    def settings() -> Any:
        return load(flags={"storage.base_dir": str(tmp_path)}, environ={"HOME": str(tmp_path)}).settings

    for _ in range(10):
        with closing(Services(settings)) as services:
            found = _asked_at_once(partial(ask, services))
            assert len(found) == 4 and all(each is found[0] for each in found)


def _asked_at_once(ask: Callable[[], Any]) -> list[Any]:
    together = threading.Barrier(4)
    found: list[Any] = []

    def look() -> None:
        together.wait()
        found.append(ask())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
