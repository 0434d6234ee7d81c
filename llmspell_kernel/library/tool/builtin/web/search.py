"""The tool that searches the web."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from llmspell_kernel.config.sections.tools.web_search import SearchProvider
from llmspell_kernel.errors import NotAllowedError, ParameterError
from llmspell_kernel.library.tool.builtin.support import LONGEST
from llmspell_kernel.library.tool.builtin.web.fetching import fetch
from llmspell_kernel.library.tool.builtin.web.search_services import SERVICES, Access, Results, Search
from llmspell_kernel.library.tool.contract import Answer, Tool, ToolFailedError
from llmspell_kernel.library.tool.guards.addresses import literal_address, matching

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

_searches: deque[float] = deque()
_lock = threading.Lock()


class WebSearcher(Tool):
    """Searches the web with DuckDuckGo, or with a service for which there is a key.

    The keys of tavily, serperdev, brave, bing, google and serpapi come from the settings or the environment.
    The result is {query, provider, count, results[{title, url, snippet, rank ...}]}.
    """

    name, category, level = "web-searcher", "web", "safe"
    libraries = ("httpx", "selectolax")
    aliases = ("web-search",)
    runs = "thread"

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        input: Annotated[str, Meta(min_length=1, description="What to search for.")]
        provider: Annotated[
            Literal["duckduckgo", "tavily", "serperdev", "brave", "bing", "google", "serpapi"] | None,
            Meta(
                description="The only service to ask; if not given, those of the settings until one answers."
            ),
        ] = None
        max_results: Annotated[
            Annotated[int, Meta(ge=1, le=100)] | None,
            Meta(description="How many results; tools.web_search.max_results if not given."),
        ] = None
        search_type: Annotated[Literal["web", "news", "images"], Meta(description="What to search.")] = "web"
        safe_search: Annotated[bool, Meta(description="Whether to leave out what is for adults.")] = True
        language: Annotated[str, Meta(description="The language of the results, such as en.")] = ""

    @classmethod
    def limit(cls, given: Any) -> float:
        """What tools.web_search.timeout_seconds says of each service counts."""
        return LONGEST

    def run(self, given: Parameters, tools: Surroundings) -> Any:
        """{query, provider, count, results[{title, url, snippet, rank ...}]}."""
        settings = tools.settings.tools.web_search
        _count(settings.rate_limit_per_minute)
        most = given.max_results or settings.max_results
        search = Search(given.input, given.search_type, most, given.safe_search, given.language)
        tried: list[dict[str, str]] = []
        for name in self._names(given, tools):
            try:
                results = self._results(name, search, tools)
            except (ToolFailedError, NotAllowedError) as error:
                if given.provider:
                    raise
                tried.append({"provider": name, "error": str(error)})
                continue
            told = self._told(results, most, tools)
            return Answer(
                {"query": given.input, "provider": name, "count": len(told), "results": told},
                "",
                {"tried": tried, "search_type": given.search_type},
            )
        problems = "; ".join(f"{each['provider']}: {each['error']}" for each in tried)
        raise ToolFailedError(f"no service could search: {problems or 'there is none'}", tried=tried)

    def _names(self, given: Parameters, tools: Surroundings) -> Sequence[str]:
        """The services to ask, in order: those that know this kind of search, and have what they need."""
        settings = tools.settings.tools.web_search
        if given.provider:
            service = SERVICES[given.provider]
            if given.search_type not in service.kinds:
                raise ParameterError(
                    self.name,
                    [f"{given.provider} cannot search {given.search_type}; choose another provider"],
                )
            if missing := _missing(given.provider, tools):
                raise ToolFailedError(missing, kind="key")
            return [given.provider]
        names = list(dict.fromkeys([settings.provider, *settings.fallback]))
        if unknown := [name for name in names if name not in SERVICES]:
            raise ParameterError(
                self.name, [f"tools.web_search names {unknown[0]!r}; there are {', '.join(SERVICES)}"]
            )
        usable = [
            name for name in names if given.search_type in SERVICES[name].kinds and not _missing(name, tools)
        ]
        if not usable:
            raise ToolFailedError(
                f"no service that can search {given.search_type} has a key: TAVILY_API_KEY, "
                "BRAVE_API_KEY, SERPAPI_API_KEY, SERPERDEV_API_KEY, tools.web_search.providers.NAME.api_key",
                kind="key",
            )
        return usable

    def _results(self, name: str, search: Search, tools: Surroundings) -> Results:
        service, access = SERVICES[name], _access(name, tools)
        settings = tools.settings.tools
        asked = service.ask(search, access)
        if agent := settings.web_search.user_agent:
            asked.headers["User-Agent"] = agent
        seconds = min(settings.web_search.timeout_seconds, tools.seconds_left)
        answer = fetch(tools, asked, seconds=seconds, max_bytes=settings.web_tools.max_page_size)
        if answer.status != 200:
            # What a service says of a failure may repeat the key it was given.
            raise ToolFailedError(
                f"{name} answered {answer.status} {answer.reason}".rstrip(), status_code=answer.status
            )
        return service.read(answer, search)

    def _told(self, results: Results, most: int, tools: Surroundings) -> Results:
        """The results of sites that may be seen, each once, with their ranks."""
        settings = tools.settings.tools.web_search
        found: dict[str, dict[str, Any]] = {}
        for each in results:
            url = each.get("url")
            try:
                host = urlsplit(url).hostname if isinstance(url, str) else None
            except ValueError:
                continue
            if not host or not isinstance(url, str) or url in found:
                continue
            address = literal_address(host)
            addresses = [address] if address is not None else []
            if matching(host, addresses, settings.blocked_domains) or not matching(
                host, addresses, settings.allowed_domains
            ):
                continue
            found[url] = {"title": "", "snippet": "", **each, "rank": len(found) + 1}
            if len(found) >= most:
                break
        return list(found.values())


def _access(name: str, tools: Surroundings) -> Access:
    said = tools.settings.tools.web_search.providers.named.get(name, SearchProvider())
    environ = os.environ
    variable = name.upper()
    key = (
        said.api_key or environ.get(f"WEBSEARCH_{variable}_API_KEY") or environ.get(f"{variable}_API_KEY", "")
    )
    engine = said.search_engine_id or environ.get("WEBSEARCH_GOOGLE_SEARCH_ENGINE_ID", "")
    return Access((said.base_url or SERVICES[name].base_url).rstrip("/"), key, engine)


def _missing(name: str, tools: Surroundings) -> str:
    """What a service lacks, as a sentence; empty if nothing."""
    access = _access(name, tools)
    variable = name.upper()
    for what in SERVICES[name].needs:
        if not getattr(access, what):
            if what == "engine":
                return "google needs a search engine's id: set WEBSEARCH_GOOGLE_SEARCH_ENGINE_ID"
            return f"{name} needs a key: set {variable}_API_KEY or tools.web_search.providers.{name}.api_key"
    return ""


def _count(limit: int) -> None:
    """Counts a search, and refuses it if there were too many within a minute.

    Raises:
        NotAllowedError: there were.
    """
    now = time.monotonic()
    with _lock:
        while _searches and _searches[0] <= now - 60:
            _searches.popleft()
        if limit and len(_searches) >= limit:
            raise NotAllowedError(
                f"more than {limit} searches within a minute (tools.web_search.rate_limit_per_minute): the "
                f"next one may start in {_searches[0] + 60 - now:.0f} s"
            )
        _searches.append(now)
