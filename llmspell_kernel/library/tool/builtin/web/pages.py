"""Tools that read web pages: what is on one, and what has changed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urljoin, urlsplit

from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.builtin.support import needed
from llmspell_kernel.library.tool.builtin.web.fetching import Asked, Fetched, checked_url, fetch
from llmspell_kernel.library.tool.builtin.web.parameters import Timeout, longest
from llmspell_kernel.library.tool.contract import Answer, Tool, ToolFailedError

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

    from llmspell_kernel.library.tool.surroundings import Surroundings

_INVISIBLE = ["script", "style", "noscript", "template", "svg", "iframe", "object"]

_MARK = "\x1e"
"""Put where a line of what one sees ends; not a space for HTML, but one for Python."""

_BLOCKS = (
    "address|article|aside|blockquote|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]"
    "|header|legend|li|main|nav|ol|option|p|pre|section|summary|ul"
)
_BEFORE = re.compile(rf"</?(?:{_BLOCKS}|br|hr)\b", re.IGNORECASE)
# A text between a table's cells would be moved out of it.
_BEHIND = re.compile(r"<(?:td|th|caption)\b[^<>]*>|</table\s*>", re.IGNORECASE)

_MOST_LINES = 10_000
"""Lines of a page up to which changes are told one by one."""

Selector = Annotated[str, Meta(description="A CSS selector; only what it selects is looked at.")]


class WebScraper(Tool):
    """Reads a web page: title, text, and on demand links, images, metadata, what CSS selectors select.

    The result is {url, status_code, title, text}, and as asked for links[{url, text}], images[{url, alt}],
    meta, selected, selections. It sees what the server sends, not what a browser's scripts make of that.
    """

    name, category, level = "web-scraper", "data", "restricted"
    libraries = ("httpx", "selectolax")
    # Strangers' pages: a parser's time and memory can be made to grow without end.
    runs = "process"

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        input: Annotated[str, Meta(description="The page's URL.")]
        selector: Selector = ""
        selectors: Annotated[
            dict[str, str],
            Meta(
                description="CSS selectors by names of your own; `a.next@href` selects an attribute. What "
                "they select is in `selections`."
            ),
        ] = {}
        extract_links: Annotated[bool, Meta(description="Whether to list the links.")] = False
        extract_images: Annotated[bool, Meta(description="Whether to list the images.")] = False
        extract_meta: Annotated[bool, Meta(description="Whether to tell the metadata.")] = False
        wait_for_js: Annotated[bool, Meta(description="Not possible: there is no browser here.")] = False
        timeout: Timeout = 30.0

    @classmethod
    def limit(cls, given: Any) -> float:
        """As long as it is told to wait."""
        return longest(given.timeout, 0)

    def run(self, given: Parameters, tools: Surroundings) -> Any:
        """{url, title, text, status_code, links?, images?, meta?, selected?, selections?}."""
        if given.wait_for_js:
            raise ParameterError(
                self.name, ["wait_for_js is not possible: no browser runs the page's scripts; leave it out"]
            )
        answer = _page(self.name, given.input, given.timeout, tools)
        if answer.status >= 400:
            raise ToolFailedError(
                f"{answer.url} answered {answer.status} {answer.reason}".rstrip(), status_code=answer.status
            )
        most = tools.settings.tools.web_tools.max_links
        page = _Parsed(self.name, answer)
        # The last first: taking the text removes what is not seen.
        found: dict[str, Any] = {}
        if given.extract_meta:
            found["meta"] = page.meta()
        if given.extract_links:
            found["links"] = page.links(most)
        if given.extract_images:
            found["images"] = page.images(most)
        if given.selectors:
            found["selections"] = {
                name: page.selected(selector, most) for name, selector in given.selectors.items()
            }
        if given.selector:
            found["selected"] = page.selected(given.selector, most)
        result = {
            "url": answer.url,
            "status_code": answer.status,
            "title": page.title(),
            "text": "\n".join(map(str, found["selected"])) if given.selector else page.text(),
            **found,
        }
        return Answer(result, "", {"duration_ms": answer.milliseconds, "bytes": len(answer.body)})


class WebpageMonitor(Tool):
    """Tells what has changed on a web page since its text was `previous_content`.

    The result is {url, title, has_changes, changes[{type, line, old?, new?}], change_count, current_content,
    first_check}; the types are added, removed, modified.
    """

    name, category, level = "webpage-monitor", "data", "restricted"
    libraries = ("httpx", "selectolax")
    runs = "process"

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        input: Annotated[str, Meta(description="The page's URL.")]
        previous_content: Annotated[
            str | None, Meta(description="The `current_content` of an earlier call.")
        ] = None
        selector: Selector = ""
        ignore_whitespace: Annotated[
            bool, Meta(description="Whether spaces and empty lines do not count.")
        ] = True
        timeout: Timeout = 30.0

    @classmethod
    def limit(cls, given: Any) -> float:
        """As long as it is told to wait."""
        return longest(given.timeout, 0)

    def run(self, given: Parameters, tools: Surroundings) -> Any:
        """{has_changes, changes[{type, line, old?, new?}], change_count, current_content, first_check}."""
        answer = _page(self.name, given.input, given.timeout, tools)
        if answer.status >= 400:
            raise ToolFailedError(
                f"{answer.url} answered {answer.status} {answer.reason}".rstrip(), status_code=answer.status
            )
        page = _Parsed(self.name, answer)
        if given.selector:
            current = "\n".join(page.selected(given.selector, _MOST_LINES))
        else:
            current = page.text()
        first = given.previous_content is None
        changes = [] if first else changes_of(given.previous_content or "", current, given.ignore_whitespace)
        return {
            "url": answer.url,
            "title": page.title(),
            "has_changes": bool(changes),
            "changes": changes,
            "change_count": len(changes),
            "current_content": current,
            "first_check": first,
        }


def changes_of(old: str, new: str, ignore_whitespace: bool) -> list[dict[str, Any]]:
    """What makes one text the other, line by line: added, removed, modified, with the line's number."""
    before, after = (_lines(text, ignore_whitespace) for text in (old, new))
    if before == after:
        return []
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    before, after = before[start : len(before) - end], after[start : len(after) - end]
    if max(len(before), len(after)) > _MOST_LINES:
        return [{"type": "modified", "line": start + 1, "old": "\n".join(before), "new": "\n".join(after)}]
    found: list[dict[str, Any]] = []
    for kind, low, high, left, right in difflib.SequenceMatcher(None, before, after).get_opcodes():
        if kind == "equal":
            continue
        for offset in range(max(high - low, right - left)):
            gone = before[low + offset] if low + offset < high else None
            come = after[left + offset] if left + offset < right else None
            change = {
                "type": "modified" if None not in (gone, come) else "removed" if come is None else "added"
            }
            line = start + (left if come is not None or high - low > 0 else low) + offset + 1
            found.append(
                {**change, "line": line}
                | ({"old": gone} if gone is not None else {})
                | ({"new": come} if come is not None else {})
            )
    return found


def title_of(answer: Fetched) -> str:
    """The title of a page, without reading the whole of it."""
    found = re.search(r"<title[^>]{0,200}>([^<]{0,1000})", answer.text()[:200_000], re.IGNORECASE)
    import html

    return " ".join(html.unescape(found[1]).split()) if found else ""


class _Parsed:
    """A page that has been read."""

    def __init__(self, tool: str, answer: Fetched) -> None:
        with needed(tool, "selectolax"):
            from selectolax.lexbor import LexborHTMLParser
        self._tool = tool
        self._html = "html" in answer.kind or answer.text()[:1000].lstrip().startswith("<")
        self._raw = answer.text()
        self._page: LexborHTMLParser = LexborHTMLParser(_marked(self._raw) if self._html else "")
        base = self._page.css_first("base[href]")
        # Where the page's links are relative to; `answer.url` never has secrets in it.
        self._base = urljoin(answer.url, base.attributes.get("href") or "") if base else answer.url

    def title(self) -> str:
        node = self._page.css_first("title")
        return _tidy(node.text()) if node is not None else ""

    def text(self) -> str:
        if not self._html:
            return self._raw
        self._page.strip_tags(_INVISIBLE)
        body = self._page.body
        lines = body.text().split(_MARK) if body is not None else []
        return "\n".join(line for each in lines if (line := _tidy(each)))

    def meta(self) -> dict[str, str]:
        found = {}
        for node in self._page.css("meta"):
            name = _attribute(node, "name") or _attribute(node, "property") or _attribute(node, "http-equiv")
            if name:
                found[name.lower()] = _attribute(node, "content")
            elif charset := _attribute(node, "charset"):
                found["charset"] = charset
        canonical = self._page.css_first('link[rel="canonical"]')
        if canonical is not None:
            found["canonical"] = self._absolute(_attribute(canonical, "href"))
        root = self._page.css_first("html[lang]")
        if root is not None:
            found["language"] = _attribute(root, "lang")
        return found

    def links(self, most: int) -> list[dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for node in self._page.css("a[href], area[href]"):
            url = self._absolute(_attribute(node, "href"))
            if urlsplit(url).scheme in ("http", "https", "mailto", "tel", "ftp"):
                found.setdefault(url, {"url": url, "text": _tidy(node.text())})
            if len(found) >= most:
                break
        return list(found.values())

    def images(self, most: int) -> list[dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for node in self._page.css("img"):
            source = _attribute(node, "src") or _attribute(node, "data-src")
            if source and not source.startswith("data:"):
                url = self._absolute(source)
                found.setdefault(url, {"url": url, "alt": _attribute(node, "alt")})
            if len(found) >= most:
                break
        return list(found.values())

    def selected(self, selector: str, most: int) -> list[str]:
        from selectolax.lexbor import SelectolaxError

        found = re.fullmatch(r"(.+?)\s*@([\w-]+)", selector.strip(), re.DOTALL)
        css, attribute = (found[1], found[2]) if found else (selector, "")
        try:
            nodes = self._page.css(css.strip())
        except SelectolaxError:
            raise ParameterError(self._tool, [f"{selector!r} is no CSS selector"]) from None
        if attribute:
            values = [_attribute(node, attribute) for node in nodes[:most]]
            return [self._absolute(each) if attribute in ("href", "src") else each for each in values if each]
        return [_tidy(node.text()) for node in nodes[:most]]

    def _absolute(self, url: str) -> str:
        try:
            return urljoin(self._base, url.strip())
        except ValueError:
            return url


def _page(tool: str, url: str, timeout: float, tools: Surroundings) -> Fetched:
    asked = Asked("GET", checked_url(tool, url), {"Accept": "text/html, application/xhtml+xml, */*;q=0.8"})
    return fetch(tools, asked, seconds=timeout, max_bytes=tools.settings.tools.web_tools.max_page_size)


def _attribute(node: LexborNode, name: str) -> str:
    attributes: Mapping[str, str | None] = node.attributes
    return (attributes.get(name) or "").replace(_MARK, "")


def _lines(text: str, ignore_whitespace: bool) -> list[str]:
    if not ignore_whitespace:
        return text.splitlines()
    return [line for each in text.splitlines() if (line := " ".join(each.split()))]


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _marked(html: str) -> str:
    """The page with a mark wherever a block begins or ends."""
    marked = _BEFORE.sub(lambda found: _MARK + found[0], html.replace(_MARK, " "))
    return _BEHIND.sub(lambda found: found[0] + _MARK, marked)
