"""Services that search the web: how each is asked, and what its answers look like."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from llmspell_kernel.library.tool.builtin.web.fetching import Asked, Fetched
from llmspell_kernel.library.tool.contract import ToolFailedError


class Search(NamedTuple):
    """What is looked for. `kind` is web, news or images."""

    query: str
    kind: str
    most: int
    safe: bool
    language: str


class Access(NamedTuple):
    """Where a service is, and who asks."""

    base_url: str
    key: str
    engine: str


Results = list[dict[str, Any]]


class Service(NamedTuple):
    """A service.

    Attributes:
        base_url: where it is.
        kinds: of searches that it knows.
        needs: what one needs to ask it, of key and engine.
        ask: the request for a search.
        read: the results in an answer.
    """

    base_url: str
    kinds: frozenset[str]
    needs: tuple[str, ...]
    ask: Callable[[Search, Access], Asked]
    read: Callable[[Fetched, Search], Results]


def _get(url: str, query: Mapping[str, Any], **headers: str) -> Asked:
    present = {name: value for name, value in query.items() if value not in ("", None)}
    return Asked(
        "GET", f"{url}?{urlencode(present)}", {"Accept": "application/json", **headers}, None, set(headers)
    )


def _post(url: str, body: Mapping[str, Any], **headers: str) -> Asked:
    present = {name: value for name, value in body.items() if value not in ("", None)}
    sent = {"Accept": "application/json", "Content-Type": "application/json", **headers}
    return Asked("POST", url, sent, json.dumps(present).encode(), set(headers))


def _duckduckgo(search: Search, access: Access) -> Asked:
    region = (
        ""
        if not search.language
        else f"wt-{search.language}"
        if len(search.language) == 2
        else search.language
    )
    query = {"q": search.query, "kp": "1" if search.safe else "-2", "kl": region}
    asked = _get(f"{access.base_url}/html/", query)
    asked.headers["Accept"] = "text/html"
    return asked


def _duckduckgo_results(answer: Fetched, search: Search) -> Results:
    try:
        from selectolax.lexbor import LexborHTMLParser
    except ImportError as error:
        raise ToolFailedError(
            "duckduckgo needs selectolax: pip install 'llmspell-kernel[tools]'", kind="missing"
        ) from error
    page = LexborHTMLParser(answer.text())
    if page.css_first(".anomaly-modal, #challenge-form") is not None:
        raise ToolFailedError("duckduckgo asks whether a human is searching", kind="refused")
    found: Results = []
    for node in page.css(".result"):
        link, about = node.css_first("a.result__a"), node.css_first(".result__snippet")
        if link is None or "result--ad" in (node.attributes.get("class") or "").split():
            continue
        found.append(
            {
                "title": " ".join(link.text().split()),
                "url": _behind(link.attributes.get("href") or ""),
                "snippet": " ".join(about.text().split()) if about is not None else "",
            }
        )
    return found


def _behind(href: str) -> str:
    """Where a link of DuckDuckGo's own, that counts who follows it, leads to."""
    url = f"https:{href}" if href.startswith("//") else href
    target = parse_qs(urlsplit(url).query).get("uddg", [""])[0]
    return target or url


def _tavily(search: Search, access: Access) -> Asked:
    body = {
        "query": search.query,
        "max_results": min(search.most, 20),
        "topic": "news" if search.kind == "news" else "general",
        "include_images": search.kind == "images",
    }
    return _post(f"{access.base_url}/search", body, Authorization=f"Bearer {access.key}")


def _tavily_results(answer: Fetched, search: Search) -> Results:
    found = _object(answer)
    if search.kind == "images":
        return [
            {"title": each.get("description", ""), "image_url": each.get("url"), "url": each.get("url")}
            if isinstance(each, dict)
            else {"title": "", "image_url": each, "url": each}
            for each in found.get("images") or []
        ]
    return _picked(
        found.get("results"),
        title="title",
        url="url",
        snippet="content",
        date="published_date",
        score="score",
    )


def _serperdev(search: Search, access: Access) -> Asked:
    path = {"web": "search", "news": "news", "images": "images"}[search.kind]
    body = {
        "q": search.query,
        "num": search.most,
        "hl": search.language,
        "safe": "active" if search.safe else "",
    }
    return _post(f"{access.base_url}/{path}", body, **{"X-API-KEY": access.key})


def _serperdev_results(answer: Fetched, search: Search) -> Results:
    found = _object(answer)
    if search.kind == "images":
        return _picked(
            found.get("images"), title="title", url="link", image_url="imageUrl", thumbnail_url="thumbnailUrl"
        )
    rows = found.get("news" if search.kind == "news" else "organic")
    return _picked(rows, title="title", url="link", snippet="snippet", date="date", source="source")


def _brave(search: Search, access: Access) -> Asked:
    query = {
        "q": search.query,
        "count": min(search.most, 20 if search.kind == "web" else 50),
        "safesearch": "strict" if search.safe else "off",
        "search_lang": search.language,
    }
    url = f"{access.base_url}/res/v1/{search.kind}/search"
    return _get(url, query, **{"X-Subscription-Token": access.key})


def _brave_results(answer: Fetched, search: Search) -> Results:
    found = _object(answer)
    rows = (found.get("web") or {}).get("results") if search.kind == "web" else found.get("results")
    if search.kind == "images":
        return [
            {
                "title": each.get("title", ""),
                "url": each.get("url"),
                "image_url": (each.get("properties") or {}).get("url"),
                "thumbnail_url": (each.get("thumbnail") or {}).get("src"),
            }
            for each in _rows(rows)
        ]
    return _picked(rows, title="title", url="url", snippet="description", date="age")


def _bing(search: Search, access: Access) -> Asked:
    path = {"web": "search", "news": "news/search", "images": "images/search"}[search.kind]
    query = {
        "q": search.query,
        "count": min(search.most, 50),
        "safeSearch": "Strict" if search.safe else "Off",
        "setLang": search.language,
    }
    return _get(f"{access.base_url}/v7.0/{path}", query, **{"Ocp-Apim-Subscription-Key": access.key})


def _bing_results(answer: Fetched, search: Search) -> Results:
    found = _object(answer)
    if search.kind == "images":
        return _picked(
            found.get("value"),
            title="name",
            url="hostPageUrl",
            image_url="contentUrl",
            thumbnail_url="thumbnailUrl",
        )
    if search.kind == "news":
        return _picked(
            found.get("value"), title="name", url="url", snippet="description", date="datePublished"
        )
    return _picked((found.get("webPages") or {}).get("value"), title="name", url="url", snippet="snippet")


def _google(search: Search, access: Access) -> Asked:
    query = {
        "key": access.key,
        "cx": access.engine,
        "q": search.query,
        "num": min(search.most, 10),
        "safe": "active" if search.safe else "off",
        "lr": f"lang_{search.language}" if search.language else "",
        "searchType": "image" if search.kind == "images" else "",
    }
    return _get(f"{access.base_url}/customsearch/v1", query)


def _google_results(answer: Fetched, search: Search) -> Results:
    rows = _object(answer).get("items")
    if search.kind == "images":
        return [
            {
                "title": each.get("title", ""),
                "url": (each.get("image") or {}).get("contextLink") or each.get("link"),
                "image_url": each.get("link"),
                "thumbnail_url": (each.get("image") or {}).get("thumbnailLink"),
            }
            for each in _rows(rows)
        ]
    return _picked(rows, title="title", url="link", snippet="snippet")


def _serpapi(search: Search, access: Access) -> Asked:
    query = {
        "engine": "google",
        "q": search.query,
        "num": search.most,
        "safe": "active" if search.safe else "off",
        "hl": search.language,
        "tbm": {"web": "", "news": "nws", "images": "isch"}[search.kind],
        "api_key": access.key,
    }
    return _get(f"{access.base_url}/search.json", query)


def _serpapi_results(answer: Fetched, search: Search) -> Results:
    found = _object(answer)
    if search.kind == "images":
        return _picked(
            found.get("images_results"),
            title="title",
            url="link",
            image_url="original",
            thumbnail_url="thumbnail",
        )
    rows = found.get("news_results" if search.kind == "news" else "organic_results")
    return _picked(rows, title="title", url="link", snippet="snippet", date="date", source="source")


def _object(answer: Fetched) -> dict[str, Any]:
    found = answer.value()
    if not isinstance(found, dict):
        raise ToolFailedError(f"{answer.url} does not answer as it should", kind="answer")
    return found


def _rows(rows: Any) -> list[dict[str, Any]]:
    return [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []


def _picked(rows: Any, **names: str) -> Results:
    """Of each row what is there, by our names."""
    return [
        {ours: row[theirs] for ours, theirs in names.items() if row.get(theirs) is not None}
        for row in _rows(rows)
    ]


_ALL = frozenset({"web", "news", "images"})

SERVICES: dict[str, Service] = {
    "duckduckgo": Service(
        "https://html.duckduckgo.com", frozenset({"web"}), (), _duckduckgo, _duckduckgo_results
    ),
    "tavily": Service("https://api.tavily.com", _ALL, ("key",), _tavily, _tavily_results),
    "serperdev": Service("https://google.serper.dev", _ALL, ("key",), _serperdev, _serperdev_results),
    "brave": Service("https://api.search.brave.com", _ALL, ("key",), _brave, _brave_results),
    "bing": Service("https://api.bing.microsoft.com", _ALL, ("key",), _bing, _bing_results),
    "google": Service(
        "https://www.googleapis.com",
        frozenset({"web", "images"}),
        ("key", "engine"),
        _google,
        _google_results,
    ),
    "serpapi": Service("https://serpapi.com", _ALL, ("key",), _serpapi, _serpapi_results),
}
"""Each by its name."""
