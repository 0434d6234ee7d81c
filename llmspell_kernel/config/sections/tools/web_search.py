"""`[tools.web_search]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field


class SearchProvider(Struct, frozen=True, forbid_unknown_fields=True):
    """A service that searches."""

    base_url: Annotated[str, Meta(description="Where it is; its own address if empty.")] = ""
    api_key: Annotated[
        str,
        Meta(
            description="Its key; if empty, that of WEBSEARCH_<NAME>_API_KEY or <NAME>_API_KEY in the "
            "environment.",
            extra={"secret": True},
        ),
    ] = ""
    search_engine_id: Annotated[
        str, Meta(description="Google's `cx`; if empty, that of WEBSEARCH_GOOGLE_SEARCH_ENGINE_ID.")
    ] = ""


class SearchProviders(Struct, frozen=True, forbid_unknown_fields=True):
    """Services that search, a table for each."""

    named: Annotated[
        dict[str, SearchProvider], Meta(description="Each by its name.", extra={"rest": True})
    ] = field(default_factory=dict)


class WebSearch(Struct, frozen=True, forbid_unknown_fields=True):
    """Searching the web, and which sites tools that read pages may see."""

    provider: Annotated[str, Meta(description="The service that is asked first.")] = "duckduckgo"
    fallback: Annotated[
        tuple[str, ...],
        Meta(description="Those that are asked when it fails, in this order, as far as there are keys."),
    ] = ("tavily", "serperdev", "brave", "bing", "google", "serpapi", "duckduckgo")
    max_results: Annotated[
        int, Meta(ge=1, le=100, description="Results of a search that does not say how many.")
    ] = 10
    timeout_seconds: Annotated[float, Meta(gt=0, description="Seconds that one service may take.")] = 30.0
    rate_limit_per_minute: Annotated[
        int, Meta(ge=0, description="Searches within a minute; 0 for any number.")
    ] = 30
    user_agent: Annotated[str, Meta(description="What the search calls itself.")] = ""
    allowed_domains: Annotated[
        tuple[str, ...],
        Meta(description="The only sites of which results are told and pages are read."),
    ] = ("*",)
    blocked_domains: Annotated[
        tuple[str, ...],
        Meta(description="Sites of which no results are told and no pages are read."),
    ] = ()
    providers: Annotated[SearchProviders, Meta(description="Services that search, a table for each.")] = (
        field(default_factory=SearchProviders)
    )
