"""What the tests of tools share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.tool.entries import ClassEntry

from .probes import HereProbe, Probe, ThreadProbe

MakeServices = Callable[..., Services]


@pytest.fixture
def make_services() -> Iterator[MakeServices]:
    """Services with the probes among their tools; the arguments are settings of `tools`."""
    made: list[Services] = []

    def make(**tools: Any) -> Services:
        settings = msgspec.convert({"tools": tools}, Settings)
        services = Services(lambda: settings)
        for tool in (Probe, ThreadProbe, HereProbe):
            services.tools.registry.add(ClassEntry(tool, "tests"))
        made.append(services)
        return services

    yield make
    for each in made:
        each.close()


@pytest.fixture
def services(make_services: MakeServices) -> Services:
    return make_services()
