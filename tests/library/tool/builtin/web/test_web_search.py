"""The tool that searches the web, with servers that answer as the services do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from llmspell_kernel.errors import NotAllowedError, ParameterError
from llmspell_kernel.library.tool.builtin.web import search
from llmspell_kernel.library.tool.builtin.web.search import WebSearcher
from llmspell_kernel.library.tool.builtin.web.search_services import SERVICES
from llmspell_kernel.library.tool.contract import ToolFailedError
from tests.library.tool.web import Site, World, call, serving, world

DUCKDUCKGO = """
<div id="links" class="results">
 <div class="result results_links result--ad"><h2><a class="result__a" href="https://ads.example/">Ad</a></h2></div>
 <div class="result results_links results_links_deep web-result">
  <h2 class="result__title"><a rel="nofollow" class="result__a"
   href="//duckduckgo.com/l/?uddg=https%3A%2F%2Fwww.lua.org%2Fabout.html&amp;rut=1f">Lua:
   <b>about</b></a></h2>
  <a class="result__snippet" href="x">Lua is a <b>powerful</b>,
    efficient language.</a></div>
 <div class="result web-result">
  <a class="result__a" href="https://en.wikipedia.org/wiki/Lua">Lua - Wikipedia</a></div>
</div>"""


def as_json(value: Any) -> tuple[int, dict[str, str], str]:
    return 200, {"Content-Type": "application/json"}, json.dumps(value)


ROW = {"title": "Lua", "link": "https://www.lua.org/", "snippet": "A language", "date": "2024-02-29"}
IMAGE = {"title": "Moon", "url": "https://www.lua.org/", "image_url": "https://www.lua.org/moon.gif"}

PAGES: dict[str, dict[str, Any]] = {
    "duckduckgo": {"/html/": DUCKDUCKGO},
    "tavily": {
        "/search": as_json(
            {
                "results": [
                    {"title": "Lua", "url": "https://www.lua.org/", "content": "A language", "score": 0.9}
                ],
                "images": ["https://www.lua.org/moon.gif"],
            }
        )
    },
    "serperdev": {
        "/search": as_json({"organic": [ROW]}),
        "/news": as_json({"news": [{**ROW, "source": "News"}]}),
        "/images": as_json(
            {"images": [{"title": "Moon", "imageUrl": IMAGE["image_url"], "link": "https://www.lua.org/"}]}
        ),
    },
    "brave": {
        "/res/v1/web/search": as_json(
            {
                "web": {
                    "results": [{"title": "Lua", "url": "https://www.lua.org/", "description": "A language"}]
                }
            }
        ),
        "/res/v1/news/search": as_json({"results": [{"title": "Lua", "url": "https://www.lua.org/"}]}),
        "/res/v1/images/search": as_json(
            {
                "results": [
                    {
                        "title": "Moon",
                        "url": "https://www.lua.org/",
                        "properties": {"url": IMAGE["image_url"]},
                    }
                ]
            }
        ),
    },
    "bing": {
        "/v7.0/search": as_json(
            {"webPages": {"value": [{"name": "Lua", "url": "https://www.lua.org/", "snippet": "A language"}]}}
        ),
        "/v7.0/news/search": as_json({"value": [{"name": "Lua", "url": "https://www.lua.org/"}]}),
        "/v7.0/images/search": as_json(
            {
                "value": [
                    {"name": "Moon", "hostPageUrl": "https://www.lua.org/", "contentUrl": IMAGE["image_url"]}
                ]
            }
        ),
    },
    "google": {
        "/customsearch/v1": lambda handler, request: as_json(
            {
                "items": [
                    {
                        "title": "Moon",
                        "link": IMAGE["image_url"],
                        "image": {"contextLink": "https://www.lua.org/"},
                    }
                    if "searchType=image" in request.path
                    else ROW
                ]
            }
        )
    },
    "serpapi": {
        "/search.json": as_json(
            {
                "organic_results": [ROW],
                "news_results": [ROW],
                "images_results": [
                    {"title": "Moon", "original": IMAGE["image_url"], "link": "https://www.lua.org/"}
                ],
            }
        )
    },
}


@pytest.fixture(autouse=True)
def nobody_has_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    search._searches.clear()
    for name in SERVICES:
        monkeypatch.delenv(f"{name.upper()}_API_KEY", raising=False)
        monkeypatch.delenv(f"WEBSEARCH_{name.upper()}_API_KEY", raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


def around(site: Site, *keys: str, **more: Any) -> World:
    """All services are at the site, each in a folder of its own; there are keys for some."""
    for name, pages in PAGES.items():
        for path, page in pages.items():
            site.pages.setdefault(f"/{name}{path}", page)
    providers = {
        name: {
            "base_url": f"{site.url}/{name}",
            "api_key": f"sk-{name}" if name in keys else "",
            "search_engine_id": "cx1" if name in keys else "",
        }
        for name in SERVICES
    }
    return world("web-searcher", {"web_search": {"providers": {"named": providers}, **more}})


def test_duckduckgo_needs_no_key(site: Site) -> None:
    there = around(site)
    found = call(WebSearcher, {"input": "lua & more", "language": "en"}, there)
    assert (found["query"], found["provider"], found["count"]) == ("lua & more", "duckduckgo", 2)
    assert found["results"][0] == {
        "title": "Lua: about",
        "url": "https://www.lua.org/about.html",
        "snippet": "Lua is a powerful, efficient language.",
        "rank": 1,
    }
    assert site.requests[0].path == "/duckduckgo/html/?q=lua+%26+more&kp=1&kl=wt-en"


@pytest.mark.parametrize("provider", [name for name in SERVICES if name != "duckduckgo"])
def test_services_with_keys(site: Site, provider: str) -> None:
    there = around(site, provider)
    for kind in sorted(SERVICES[provider].kinds):
        found = call(WebSearcher, {"input": "lua", "provider": provider, "search_type": kind}, there)
        assert found["provider"] == provider
        first = found["results"][0]
        if kind == "images":
            assert first["image_url"] == IMAGE["image_url"]
        else:
            assert (first["title"], first["url"]) == ("Lua", "https://www.lua.org/")
        if kind == "web":
            assert first["snippet"] == "A language"
    sent = site.requests[0]
    assert f"sk-{provider}" in sent.path + json.dumps(sent.headers)
    assert "sk-" not in json.dumps(there.acts)


def test_keys_come_from_the_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolFailedError, match="BRAVE_API_KEY"):
        call(WebSearcher, {"input": "lua", "provider": "brave"}, around(site))
    monkeypatch.setenv("WEBSEARCH_BRAVE_API_KEY", "from-environment")
    call(WebSearcher, {"input": "lua", "provider": "brave"}, around(site))
    assert site.requests[-1].headers["x-subscription-token"] == "from-environment"


def test_the_next_service_is_asked_when_one_fails(site: Site) -> None:
    site.pages["/duckduckgo/html/"] = "<div class='anomaly-modal'>Are you human?</div>"
    site.pages["/tavily/search"] = (429, {}, "slow down, sk-tavily")
    there = around(site, "tavily", "brave")
    found = call(WebSearcher, {"input": "lua"}, there)
    assert found["provider"] == "brave"
    with pytest.raises(ToolFailedError) as failed:
        call(WebSearcher, {"input": "lua"}, around(site, "tavily"))
    assert "whether a human" in str(failed.value) and "sk-tavily" not in str(failed.value)
    with pytest.raises(ToolFailedError, match="429"):
        call(WebSearcher, {"input": "lua", "provider": "tavily"}, around(site, "tavily"))


def test_what_cannot_be_searched_is_told(site: Site) -> None:
    with pytest.raises(ParameterError, match="cannot search news"):
        call(WebSearcher, {"input": "x", "provider": "duckduckgo", "search_type": "news"}, around(site))
    with pytest.raises(ToolFailedError, match="TAVILY_API_KEY"):
        call(WebSearcher, {"input": "x", "search_type": "images"}, around(site))
    with pytest.raises(ParameterError, match="'altavista'"):
        call(WebSearcher, {"input": "x"}, around(site, provider="altavista"))


def test_sites_and_numbers_are_limited(site: Site) -> None:
    only = around(site, allowed_domains=["*.wikipedia.org"])
    assert [each["url"] for each in call(WebSearcher, {"input": "x"}, only)["results"]] == [
        "https://en.wikipedia.org/wiki/Lua"
    ]
    without = around(site, blocked_domains=["*.lua.org"])
    assert call(WebSearcher, {"input": "x"}, without)["count"] == 1
    assert call(WebSearcher, {"input": "x", "max_results": 1}, around(site))["count"] == 1
    with pytest.raises(NotAllowedError, match="within a minute"):
        for _ in range(3):
            call(WebSearcher, {"input": "x"}, around(site, rate_limit_per_minute=4))
