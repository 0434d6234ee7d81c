"""The tool that reads sitemaps."""

from __future__ import annotations

import io
import re
import time
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urljoin, urlsplit

from msgspec import Meta, Struct

from llmspell_kernel.errors import NotAllowedError
from llmspell_kernel.library.tool.builtin.support import needed
from llmspell_kernel.library.tool.builtin.web.fetching import Asked, Fetched, checked_url, fetch
from llmspell_kernel.library.tool.builtin.web.parameters import longest
from llmspell_kernel.library.tool.contract import Tool, ToolFailedError

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

_DEEPEST = 3
"""Indexes of indexes that are followed."""

_FIELDS = ("loc", "lastmod", "changefreq", "priority")


class SitemapCrawler(Tool):
    """Lists the pages of a site by its sitemaps: XML, text, packed ones, indexes of them.

    Given a site in place of a sitemap, it looks where robots.txt says, then for /sitemap.xml. The result is
    {urls[{url, lastmod?, changefreq?, priority?}], urls_found, truncated, errors, stats}.
    """

    name, category, level = "sitemap-crawler", "data", "safe"
    libraries = ("httpx", "defusedxml")
    runs = "thread"

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        input: Annotated[str, Meta(description="The URL of a sitemap, or of a site.")]
        follow_sitemaps: Annotated[bool, Meta(description="Whether indexes are followed.")] = True
        max_urls: Annotated[int, Meta(ge=1, le=50_000, description="Pages that are listed.")] = 1000
        timeout: Annotated[
            float,
            Meta(gt=0, le=300, description="Seconds that it may take; what was found by then is told."),
        ] = 30.0

    @classmethod
    def limit(cls, given: Any) -> float:
        """As long as it is told to take."""
        return longest(given.timeout, 0)

    def run(self, given: Parameters, tools: Surroundings) -> Any:
        """{urls[{url, lastmod?, changefreq?, priority?}], urls_found, truncated, errors, stats}."""
        with needed(self.name, "defusedxml"):
            import defusedxml.ElementTree  # noqa: F401  missed before anything is asked for
        crawl = _Crawl(tools, given)
        url = checked_url(self.name, given.input)
        tools.network.check_url(url)
        crawl.start(url)
        if crawl.problem is not None and not crawl.read:
            raise crawl.problem
        return crawl.result()


class _Crawl:
    """The sitemaps that have been read, those to come, and what they list."""

    def __init__(self, tools: Surroundings, given: SitemapCrawler.Parameters) -> None:
        self._tools, self._given = tools, given
        self._settings = tools.settings.tools.web_tools
        self._began = time.monotonic()
        self._until = self._began + given.timeout
        self._waiting: list[tuple[str, int]] = []
        self._known: set[str] = set()
        self._urls: dict[str, dict[str, Any]] = {}
        self._errors: list[dict[str, str]] = []
        self._bytes = 0
        self.read = 0
        self.problem: ToolFailedError | None = None
        self._truncated = False

    def start(self, url: str) -> None:
        parts = urlsplit(url)
        if re.search(r"\.(xml|txt|gz)$", parts.path, re.IGNORECASE) or parts.query:
            self._add(url, 0)
        else:
            for each in self._by_robots(urljoin(url, "/robots.txt")) or [urljoin(url, "/sitemap.xml")]:
                self._add(each, 0)
        while self._waiting and not self._over():
            where, depth = self._waiting.pop(0)
            try:
                self._read(where, depth)
            except NotAllowedError as error:
                if depth == 0 and not self.read:
                    raise
                self._errors.append({"url": where, "error": str(error)})
            except ToolFailedError as error:
                self.problem = self.problem or error
                self._errors.append({"url": where, "error": str(error)})

    def result(self) -> dict[str, Any]:
        return {
            "urls": list(self._urls.values()),
            "urls_found": len(self._urls),
            "truncated": self._truncated or bool(self._waiting),
            "errors": self._errors,
            "stats": {
                "sitemaps_processed": self.read,
                "sitemaps_failed": len(self._errors),
                "bytes": self._bytes,
                "duration_ms": round((time.monotonic() - self._began) * 1000, 3),
            },
        }

    def _over(self) -> bool:
        if len(self._urls) >= self._given.max_urls or time.monotonic() >= self._until:
            self._truncated = True
        if len(self._known) > self._settings.max_sitemaps:
            self._truncated = True
        return len(self._urls) >= self._given.max_urls or time.monotonic() >= self._until

    def _add(self, url: str, depth: int) -> None:
        if url in self._known:
            return
        if len(self._known) >= self._settings.max_sitemaps or depth > _DEEPEST:
            self._truncated = True
            return
        self._known.add(url)
        self._waiting.append((url, depth))

    def _fetch(self, url: str) -> Fetched:
        left = max(0.001, self._until - time.monotonic())
        return fetch(self._tools, Asked("GET", url), seconds=left, max_bytes=self._settings.max_sitemap_size)

    def _by_robots(self, url: str) -> list[str]:
        try:
            answer = self._fetch(url)
        except ToolFailedError:
            return []
        if answer.status != 200:
            return []
        found = re.findall(r"(?im)^[ \t]*sitemap[ \t]*:[ \t]*(\S+)", answer.text()[:500_000])
        return [urljoin(url, each) for each in found[: self._settings.max_sitemaps]]

    def _read(self, url: str, depth: int) -> None:
        answer = self._fetch(url)
        if answer.status != 200:
            raise ToolFailedError(
                f"{answer.url} answered {answer.status} {answer.reason}".rstrip(), status_code=answer.status
            )
        data = unpacked(answer.body, self._settings.max_sitemap_size)
        self._bytes += len(data)
        entries = _xml(data) if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else _text(data)
        for kind, entry in entries:
            if kind == "sitemap":
                if self._given.follow_sitemaps:
                    self._add(entry["url"], depth + 1)
                else:
                    self._urls.setdefault(entry["url"], {**entry, "type": "sitemap"})
            else:
                self._urls.setdefault(entry["url"], entry)
            if len(self._urls) >= self._given.max_urls:
                self._truncated = True
                break
        self.read += 1


def unpacked(data: bytes, limit: int) -> bytes:
    """The content of a file that may be packed by gzip.

    Raises:
        ToolFailedError: it is bigger than the limit, or broken.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    unpacker = zlib.decompressobj(wbits=31)
    try:
        whole = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise ToolFailedError(f"a packed sitemap cannot be unpacked: {error}") from error
    if len(whole) > limit:
        raise ToolFailedError(
            f"a packed sitemap is bigger than {limit} bytes (the setting tools.web_tools.max_sitemap_size)"
        )
    return whole


def _xml(data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries of a sitemap or an index: their kind and what they say."""
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    entry: dict[str, Any] = {}
    root = None
    try:
        # Whoever writes a sitemap needs no entities; who has some in it wants to fill the memory.
        for event, element in iterparse(io.BytesIO(data), events=("start", "end"), forbid_dtd=True):
            if event == "start":
                root = element if root is None else root
                continue
            tag = element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""
            if tag in _FIELDS and (tag != "loc" or "loc" not in entry):
                entry[tag] = (element.text or "").strip()
            elif tag in ("url", "sitemap"):
                if _is_page(entry.get("loc", "")):
                    yield tag, _entry(entry)
                entry = {}
                if root is not None:
                    root.clear()
    except DefusedXmlException as error:
        raise ToolFailedError(
            "the sitemap declares a document type or entities, which is not read: they can fill the memory"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise ToolFailedError(f"the sitemap is no XML: {error}") from error
    if root is not None and root.tag.rpartition("}")[2].lower() not in ("urlset", "sitemapindex"):
        raise ToolFailedError(f"it is no sitemap: the document is <{root.tag.rpartition('}')[2][:50]}>")


def _text(data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """A sitemap as text: a URL a line."""
    for line in data.decode("utf-8-sig", "replace").splitlines():
        if _is_page(line.strip()):
            yield "url", {"url": line.strip()}


def _entry(found: dict[str, Any]) -> dict[str, Any]:
    entry = {"url": found["loc"]} | {name: found[name] for name in _FIELDS[1:3] if found.get(name)}
    try:
        entry |= {"priority": float(found["priority"])} if found.get("priority") else {}
    except ValueError:
        pass
    return entry


def _is_page(url: str) -> bool:
    return url.startswith(("http://", "https://")) and len(url) <= 2048
