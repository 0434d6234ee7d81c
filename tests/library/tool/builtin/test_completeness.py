"""What every tool must have, and that every operation of every tool is tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.tool.builtin import ALIASES, BUILTIN
from llmspell_kernel.library.tool.entries import ClassEntry
from llmspell_kernel.library.tool.examples import ready
from llmspell_kernel.library.tool.registry import Registry

NAMES = """
base64-encoder calculator data-validator datetime-handler diff-calculator hash-calculator template-creator
text-manipulator uuid-generator citation-formatter csv-analyzer json-processor graph-builder pdf-processor
graphql-query http-requester archive-handler file-converter file-operations file-search file-watcher
environment-reader process-executor service-checker system-monitor audio-processor image-processor
video-processor web-searcher web-scraper url-analyzer api-tester webhook-caller webpage-monitor
sitemap-crawler email-sender database-connector
""".split()

WITHOUT_EXAMPLE = {
    "api-tester",
    "email-sender",
    "graphql-query",
    "http-requester",
    "sitemap-crawler",
    "web-scraper",
    "web-searcher",
    "webhook-caller",
    "webpage-monitor",
}
"""Tools of which no call succeeds without a network or an account."""

TESTS = Path(__file__).parent


def entry_of(name: str) -> ClassEntry:
    entry = Registry().get(name)
    assert isinstance(entry, ClassEntry)
    return entry


def test_all_are_there() -> None:
    assert sorted(BUILTIN) == sorted(NAMES)
    assert set(ALIASES.values()) <= set(BUILTIN)
    assert not set(ALIASES) & set(BUILTIN)


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_a_tool_describes_itself(name: str) -> None:
    entry = entry_of(name)
    assert entry.name == name
    assert entry.description.endswith(".")
    assert re.fullmatch(r"\d+\.\d+\.\d+", entry.version)
    Draft202012Validator.check_schema(entry.schema)
    assert [each["name"] for each in entry.parameters if not each["description"]] == []
    assert [each.name for each in entry.operations.values() if not each.help] == []
    declared = next((each for each in entry.parameters if each["name"] == "operation"), None)
    if entry.operations:
        assert declared is not None and sorted(declared["enum"]) == sorted(entry.operations)
    assert {alias.replace("_", "-") for alias in entry.tool.aliases} <= set(ALIASES)


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_its_example_succeeds(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_of(name)
    assert (entry.example is None) == (name in WITHOUT_EXAMPLE)
    monkeypatch.chdir(tmp_path)
    services = Services(Settings)
    try:
        with ready(entry, services.tools.files_of(entry)) as example:
            if example is not None:
                Draft202012Validator(entry.schema).validate(example)
                assert services.tools.call(name, example).success
    finally:
        services.close()


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_every_operation_is_tested(name: str) -> None:
    entry = entry_of(name)
    texts = [file.read_text("utf-8") for file in TESTS.rglob("test_*.py") if file != Path(__file__)]
    about = [text for text in texts if f'"{name}"' in text or re.search(rf"\b{entry.tool.__name__}\b", text)]
    assert about, f"no test calls {name}"
    untested = [
        operation
        for operation in entry.operations
        if not any(f'"{operation}"' in text or f"'{operation}'" in text for text in about)
    ]
    assert untested == []
