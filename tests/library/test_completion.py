"""What is offered between the quotes of a name that the library knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from llmspell_kernel.runtime import Runtime, RuntimeSettings

from ..lua.shell import MemoryFrontend


@pytest.fixture(scope="module")
def offered() -> Iterator[Callable[[str], list[str]]]:
    runtime = Runtime(MemoryFrontend(), RuntimeSettings())
    yield lambda code: [each.text for each in runtime.complete(code, len(code)).matches]
    runtime.close()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('Tool.invoke("csv', ["csv-analyzer"]),
        ("print(Tool.get_schema 'uuid", ["uuid-generator"]),
        ('Hook.register("BeforeTool', ["BeforeToolDiscovery", "BeforeToolExecution"]),
        ('Hook.enable("c', ["caching", "cost_tracking"]),
        ('Tool.invoke("nothing', []),
    ],
)
def test_names_that_the_library_knows(
    offered: Callable[[str], list[str]], code: str, expected: list[str]
) -> None:
    assert offered(code) == expected


def test_other_arguments_are_files(offered: Callable[[str], list[str]]) -> None:
    assert "etc/" in offered('Tool.invoke("csv-analyzer", {input = "/et')
