"""What tools of the network say where a library that they need is not installed."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from llmspell_kernel.errors import MissingExtraError
from llmspell_kernel.library.tool.builtin.data.databases import DatabaseConnector
from llmspell_kernel.library.tool.builtin.web.graphql import GraphqlQuery
from llmspell_kernel.library.tool.builtin.web.pages import WebScraper
from llmspell_kernel.library.tool.builtin.web.requests import HttpRequester
from llmspell_kernel.library.tool.builtin.web.sitemaps import SitemapCrawler
from llmspell_kernel.library.tool.contract import Tool
from tests.library.tool.web import call, serving

SUBSCRIPTION = {"operation": "subscription", "input": "subscription { a }"}


@pytest.mark.parametrize(
    ("library", "tool", "params"),
    [
        ("httpx", HttpRequester, {"input": "URL"}),
        ("httpx", GraphqlQuery, {**SUBSCRIPTION, "endpoint": "URL"}),
        ("selectolax", WebScraper, {"input": "URL"}),
        ("defusedxml", SitemapCrawler, {"input": "URL"}),
        (
            "psycopg",
            DatabaseConnector,
            {"operation": "query", "database": "postgresql://127.0.0.1/x", "query": "SELECT 1"},
        ),
    ],
)
def test_the_library_and_the_extra_are_named(
    monkeypatch: pytest.MonkeyPatch, library: str, tool: type[Tool], params: dict[str, Any]
) -> None:
    for name in [library, *(name for name in sys.modules if name.startswith(f"{library}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with serving({"/": "hello"}) as site:
        given = {name: site.url if value == "URL" else value for name, value in params.items()}
        with pytest.raises(MissingExtraError, match=rf"{tool.name} needs {library}: pip install .*\[tools\]"):
            call(tool, given)
