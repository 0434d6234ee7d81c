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


class Rows(NamedTuple):
    """Where an answer has its results, as `a.b`, and what their fields are called, by our names."""

    place: str
    fields: Mapping[str, str]


def _get(url: str, query: Mapping[str, Any], **headers: str) -> Asked:
    present = {name: value for name, value in query.items() if value not in ("", None)}
    return Asked(
        "GET", f"{url}?{urlencode(present)}", {"Accept": "application/json", **headers}, None, set(headers)
    )


def _post(url: str, body: Mapping[str, Any], **headers: str) -> Asked:
    present = {name: value for name, value in body.items() if value not in ("", None)}
    sent = {"Accept": "application/json", "Content-Type": "application/json", **headers}
    return Asked("POST", url, sent, json.dumps(present).encode(), set(headers))


def _object(answer: Fetched) -> dict[str, Any]:
    found = answer.value()
    if not isinstance(found, dict):
        raise ToolFailedError(f"{answer.url} does not answer as it should", kind="answer")
    return found


def _at(found: Any, path: str) -> Any:
    """What lies at `a.b` in an answer, or at the next way of `a.b|c`; None if it has nothing there."""
    for way in path.split("|"):
        value = found
        for name in way.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


def _rows(answer: Fetched, rows: Rows) -> Results:
    """Of each row what is there, by our names."""
    found = _at(_object(answer), rows.place)
    return [
        {ours: value for ours, theirs in rows.fields.items() if (value := _at(row, theirs)) is not None}
        for row in (found if isinstance(found, list) else [])
        if isinstance(row, dict)
    ]


def _pages(place: str, **fields: str) -> Rows:
    """Rows of pages; `fields` are those that are called otherwise, or that not all services have."""
    return Rows(place, {"title": "title", "url": "link", "snippet": "snippet", **fields})


def _pictures(place: str, url: str, image: str, thumbnail: str, title: str = "title") -> Rows:
    return Rows(place, {"title": title, "url": url, "image_url": image, "thumbnail_url": thumbnail})


def _reads(**kinds: Rows) -> Callable[[Fetched, Search], Results]:
    """Reads the answers of a service that has rows for each kind of searches."""
    return lambda answer, search: _rows(answer, kinds[search.kind])


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
    if search.kind == "images":
        return [
            {"title": each.get("description", ""), "image_url": each.get("url"), "url": each.get("url")}
            if isinstance(each, dict)
            else {"title": "", "image_url": each, "url": each}
            for each in _object(answer).get("images") or []
        ]
    fields = {
        "title": "title",
        "url": "url",
        "snippet": "content",
        "date": "published_date",
        "score": "score",
    }
    return _rows(answer, Rows("results", fields))


def _serperdev(search: Search, access: Access) -> Asked:
    path = {"web": "search", "news": "news", "images": "images"}[search.kind]
    body = {
        "q": search.query,
        "num": search.most,
        "hl": search.language,
        "safe": "active" if search.safe else "",
    }
    return _post(f"{access.base_url}/{path}", body, **{"X-API-KEY": access.key})


_serperdev_results = _reads(
    web=_pages("organic", date="date", source="source"),
    news=_pages("news", date="date", source="source"),
    images=_pictures("images", "link", "imageUrl", "thumbnailUrl"),
)


def _brave(search: Search, access: Access) -> Asked:
    query = {
        "q": search.query,
        "count": min(search.most, 20 if search.kind == "web" else 50),
        "safesearch": "strict" if search.safe else "off",
        "search_lang": search.language,
    }
    url = f"{access.base_url}/res/v1/{search.kind}/search"
    return _get(url, query, **{"X-Subscription-Token": access.key})


_brave_results = _reads(
    web=_pages("web.results", url="url", snippet="description", date="age"),
    news=_pages("results", url="url", snippet="description", date="age"),
    images=_pictures("results", "url", "properties.url", "thumbnail.src"),
)


def _bing(search: Search, access: Access) -> Asked:
    path = {"web": "search", "news": "news/search", "images": "images/search"}[search.kind]
    query = {
        "q": search.query,
        "count": min(search.most, 50),
        "safeSearch": "Strict" if search.safe else "Off",
        "setLang": search.language,
    }
    return _get(f"{access.base_url}/v7.0/{path}", query, **{"Ocp-Apim-Subscription-Key": access.key})


_bing_results = _reads(
    web=_pages("webPages.value", title="name", url="url"),
    news=_pages("value", title="name", url="url", snippet="description", date="datePublished"),
    images=_pictures("value", "hostPageUrl", "contentUrl", "thumbnailUrl", title="name"),
)


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


_google_results = _reads(
    web=_pages("items"),
    images=_pictures("items", "image.contextLink|link", "link", "image.thumbnailLink"),
)


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


_serpapi_results = _reads(
    web=_pages("organic_results", date="date", source="source"),
    news=_pages("news_results", date="date", source="source"),
    images=_pictures("images_results", "link", "original", "thumbnail"),
)


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
