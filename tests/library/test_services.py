"""What the services of one runtime are to several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.config.loading import load, over_defaults
from llmspell_kernel.library.made_once import half_made, made_once
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


def test_nobody_finds_hooks_without_those_that_the_settings_have_on() -> None:
    settings = over_defaults({"hooks": {"builtin": {"security": {"enabled": True}}}})
    for _ in range(10):
        with closing(Services(lambda: settings)) as services:
            assert _asked_at_once(partial(_is_guarded, services)) == [True] * 4


def _is_guarded(services: Services) -> bool:
    return services.hooks.wants("BeforeToolExecution")


class Owner:
    """Has a list that its maker needs itself before it is whole."""

    def __init__(self) -> None:
        self.making = threading.RLock()
        self.begun = threading.Barrier(2)

    @made_once
    def made(self) -> list[str]:
        """Is whole with `end`."""
        made = ["begin"]
        half_made(self, "made", made)
        self.begun.wait()
        assert self.made is made
        made.append("end")
        return made


def test_only_the_maker_gets_what_is_half_made() -> None:
    owner = Owner()
    with ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(lambda: owner.made)
        owner.begun.wait()
        assert owner.made == ["begin", "end"]
        assert elsewhere.result() is owner.made


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
