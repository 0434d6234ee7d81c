"""web-scraper, webpage-monitor, url-analyzer and sitemap-crawler, with a real server."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from llmspell_kernel.config.sections import Settings
from llmspell_kernel.errors import NotAllowedError, ParameterError, ToolTimeoutError
from llmspell_kernel.library.services import Services
from llmspell_kernel.library.tool.builtin.web.pages import WebpageMonitor, WebScraper, changes_of
from llmspell_kernel.library.tool.builtin.web.sitemaps import SitemapCrawler, unpacked
from llmspell_kernel.library.tool.builtin.web.urls import UrlAnalyzer
from llmspell_kernel.library.tool.contract import ToolFailedError
from tests.library.tool.web import Site, call, serving, world

PAGE = """<!doctype html><html lang="en"><head><title> A
 page &amp; more</title><meta charset="utf-8"><meta name="Description" content="About &quot;it&quot;">
<meta property="og:title" content="OG"><link rel="canonical" href="/canonical"><base href="/docs/">
<style>p {color: red}</style></head>
<body><h1>Head   line</h1><script>var hidden = 1;</script><p>One <b>bold</b> word.</p>
<a class="next" href="two.html">Next</a> <a href="https://other.example/x#y">Other</a>
<a href="two.html">Again</a>
<a href="javascript:alert(1)">No</a> <a href="mailto:a@b.c">Mail</a>
<img src="a.png" alt="A picture"><img src="data:image/png;base64,AAAA"><img data-src="/late.png">
<noscript>Turn it on</noscript></body></html>"""


@pytest.fixture
def site() -> Iterator[Site]:
    with serving({"/": PAGE}) as site:
        yield site


def test_a_page_is_read(site: Site) -> None:
    found = call(WebScraper, {"input": f"{site.url}/"})
    assert (found["url"], found["status_code"], found["title"]) == (f"{site.url}/", 200, "A page & more")
    site.pages["/table"] = (
        "<table><tr><td>a<td>b c</table>d<ul><li>e<li>f</ul>g<br>h wo<i>rd</i><p title='a>b'>i"
    )
    table = call(WebScraper, {"input": f"{site.url}/table", "selectors": {"title": "p@title"}})
    assert table["text"].split("\n") == ["a", "b c", "d", "e", "f", "g", "h word", "i"]
    assert table["selections"] == {"title": ["a>b"]}
    assert found["text"].splitlines()[:2] == ["Head line", "One bold word."]
    assert "hidden" not in found["text"] and "Turn it on" not in found["text"]
    assert not {"links", "images", "meta"} & set(found)


def test_links_images_and_metadata(site: Site) -> None:
    given = {"input": f"{site.url}/", "extract_links": True, "extract_images": True, "extract_meta": True}
    found = call(WebScraper, given)
    assert found["links"] == [
        {"url": f"{site.url}/docs/two.html", "text": "Next"},
        {"url": "https://other.example/x#y", "text": "Other"},
        {"url": "mailto:a@b.c", "text": "Mail"},
    ]
    assert found["images"] == [
        {"url": f"{site.url}/docs/a.png", "alt": "A picture"},
        {"url": f"{site.url}/late.png", "alt": ""},
    ]
    assert found["meta"] == {
        "charset": "utf-8",
        "description": 'About "it"',
        "og:title": "OG",
        "canonical": f"{site.url}/canonical",
        "language": "en",
    }


def test_selectors(site: Site) -> None:
    given = {
        "input": f"{site.url}/",
        "selector": "p, h1",
        "selectors": {
            "bold": "b",
            "next": "a.next@href",
            "none": ".nothing",
            "class": 'a[href*="two"] @class',
        },
    }
    found = call(WebScraper, given)
    assert found["selected"] == ["Head line", "One bold word."]
    assert found["text"] == "Head line\nOne bold word."
    assert found["selections"] == {
        "bold": ["bold"],
        "next": [f"{site.url}/docs/two.html"],
        "none": [],
        "class": ["next"],
    }
    with pytest.raises(ParameterError, match="no CSS selector"):
        call(WebScraper, {"input": f"{site.url}/", "selector": "a[["})


def test_pages_that_cannot_be_read(site: Site) -> None:
    with pytest.raises(ParameterError, match="no browser"):
        call(WebScraper, {"input": f"{site.url}/", "wait_for_js": True})
    with pytest.raises(ToolFailedError, match="404"):
        call(WebScraper, {"input": f"{site.url}/missing"})
    with pytest.raises(NotAllowedError, match="allow_private"):
        call(WebScraper, {"input": f"{site.url}/"}, private=())
    site.pages["/big"] = "x" * 20_000
    with pytest.raises(ToolFailedError, match="bigger than 10000 bytes"):
        there = world("web-scraper", {"web_tools": {"max_page_size": 10_000}})
        call(WebScraper, {"input": f"{site.url}/big"}, there)
    site.pages["/plain"] = (200, {"Content-Type": "text/plain"}, "no <b>HTML</b>\n")
    assert call(WebScraper, {"input": f"{site.url}/plain"})["text"] == "no <b>HTML</b>\n"


@pytest.fixture
def services() -> Iterator[Callable[..., Services]]:
    made: list[Services] = []

    def make(**tools: Any) -> Services:
        values = {"tools": {"network": {"allow_private": ["127.0.0.1"]}, **tools}}
        made.append(Services(lambda: msgspec.convert(values, Settings)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_page_that_keeps_the_parser_busy_is_ended(site: Site, services: Callable[..., Services]) -> None:
    """Elements that are never closed: a parser's time grows with the square of their number."""
    site.pages["/deep"] = "<div>" * 300_000
    tools = services().tools
    began = time.monotonic()
    with pytest.raises(ToolTimeoutError):
        tools.call("web-scraper", {"input": f"{site.url}/deep"}, seconds=1.5)
    assert time.monotonic() - began < 10
    with pytest.raises(NotAllowedError, match="private address"):
        tools.call("web-scraper", {"input": "http://10.0.0.1/"})
    answer = tools.call("web-scraper", {"input": f"{site.url}/"})
    assert answer.success and answer.result["title"] == "A page & more"


def test_a_page_that_does_not_come_in_time_is_an_answer(
    site: Site, services: Callable[..., Services]
) -> None:
    site.pages["/never"] = lambda handler, request: handler.site.over.wait(20) and None
    answer = services().tools.call("web-scraper", {"input": f"{site.url}/never", "timeout": 0.3})
    assert not answer.success and answer.error is not None
    assert answer.error["kind"] == "timeout"


def test_a_page_is_watched(site: Site) -> None:
    first = call(WebpageMonitor, {"input": f"{site.url}/", "selector": "h1, p"})
    assert first["current_content"] == "Head line\nOne bold word."
    assert (first["has_changes"], first["first_check"], first["changes"]) == (False, True, [])
    same = {
        "input": f"{site.url}/",
        "selector": "h1, p",
        "previous_content": " Head  line \n\nOne bold word.",
    }
    assert not call(WebpageMonitor, same)["has_changes"]
    strict = call(WebpageMonitor, {**same, "ignore_whitespace": False})
    assert strict["has_changes"]
    changed = call(WebpageMonitor, {**same, "previous_content": "Head line\nTwo bold words."})
    assert changed["changes"] == [
        {"type": "modified", "line": 2, "old": "Two bold words.", "new": "One bold word."}
    ]
    assert changed["change_count"] == 1
    with pytest.raises(ToolFailedError, match="404"):
        call(WebpageMonitor, {"input": f"{site.url}/missing"})


def test_changes_are_told_line_by_line() -> None:
    assert changes_of("a\nb\nc", "a\nc\nd", True) == [
        {"type": "removed", "line": 2, "old": "b"},
        {"type": "added", "line": 3, "new": "d"},
    ]
    assert changes_of("", "a", True) == [{"type": "added", "line": 1, "new": "a"}]
    assert changes_of("a", "", True) == [{"type": "removed", "line": 1, "old": "a"}]
    many = "\n".join(map(str, range(20_000)))
    assert len(changes_of("x\n" + many + "\ny", many.replace("\n", "!\n"), True)) == 1


def test_a_url_is_taken_apart() -> None:
    found = call(
        UrlAnalyzer, {"input": "https://ann:pw@www.Example.org:8443/a%20b/c.html?q=x%20y&t=1&t=2&e=#top"}
    )
    expected = {
        "valid": True,
        "scheme": "https",
        "username": "ann",
        "has_password": True,
        "host": "www.example.org",
        "port": 8443,
        "is_default_port": False,
        "origin": "https://www.example.org:8443",
        "is_ip": False,
        "is_secure": True,
        "tld": "org",
        "path": "/a%20b/c.html",
        "path_segments": ["a b", "c.html"],
        "extension": "html",
        "fragment": "top",
        "query_params": {"q": "x y", "t": ["1", "2"], "e": ""},
    }
    assert {name: found[name] for name in expected} == expected
    raw = call(UrlAnalyzer, {"input": "http://example.org/?q=x%20y+z", "decode_params": False})
    assert raw["query_params"] == {"q": "x%20y+z"}
    private = call(UrlAnalyzer, {"input": "http://[::ffff:10.0.0.1]/"})
    assert (private["is_ip"], private["is_private"], private["port"]) == (True, True, 80)
    for wrong in ("example.org", "http://", "http://[::1/", "http://a:99999/", "http://a b/"):
        told = call(UrlAnalyzer, {"input": wrong})
        assert told["valid"] is False and told["error"]


def test_a_url_is_looked_at_on_demand(site: Site) -> None:
    site.pages["/old"] = (301, {"Location": "/"}, "")
    found = call(UrlAnalyzer, {"input": f"{site.url}/old", "fetch_metadata": True})["metadata"]
    assert (found["status_code"], found["title"]) == (200, "A page & more")
    assert (found["final_url"], found["redirects"]) == (f"{site.url}/", [f"{site.url}/old"])
    assert not UrlAnalyzer.place(UrlAnalyzer.Parameters(input="x")) == "thread"
    with pytest.raises(NotAllowedError):
        call(UrlAnalyzer, {"input": "http://169.254.169.254/", "fetch_metadata": True})


SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*urls: str) -> str:
    rows = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
    return f'<?xml version="1.0"?><urlset {SPACE}>{rows}</urlset>'


def index(*urls: str) -> str:
    rows = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f"<sitemapindex {SPACE}>{rows}</sitemapindex>"


def test_a_sitemap_is_read(site: Site) -> None:
    site.pages["/sitemap.xml"] = (
        f"<urlset {SPACE}><url><loc> https://a.example/1?x=1&amp;y=2 </loc><lastmod>2024-02-29</lastmod>"
        "<changefreq>daily</changefreq><priority>0.8</priority></url>"
        '<url xmlns:i="urn:i"><i:image><i:loc>https://a.example/i.png</i:loc></i:image></url>'
        "<url><loc>javascript:alert(1)</loc></url><url><loc>https://a.example/2</loc></url></urlset>"
    )
    found = call(SitemapCrawler, {"input": f"{site.url}/sitemap.xml"})
    assert found["urls"][0] == {
        "url": "https://a.example/1?x=1&y=2",
        "lastmod": "2024-02-29",
        "changefreq": "daily",
        "priority": 0.8,
    }
    assert found["urls"][-1] == {"url": "https://a.example/2"}
    assert (found["truncated"], found["errors"]) == (False, [])
    assert found["stats"]["sitemaps_processed"] == 1


def test_indexes_packed_and_plain_sitemaps(site: Site) -> None:
    site.pages |= {
        "/robots.txt": f"User-agent: *\nSITEMAP: {site.url}/index.xml\nSitemap: /plain.txt\n",
        "/index.xml": index(f"{site.url}/one.xml.gz", f"{site.url}/two.xml", f"{site.url}/index.xml"),
        "/one.xml.gz": (
            200,
            {"Content-Type": "application/gzip"},
            gzip.compress(urlset("https://a.example/1").encode()),
        ),
        "/two.xml": urlset("https://a.example/2", "https://a.example/1"),
        "/plain.txt": "https://a.example/3\r\nnonsense\nhttps://a.example/4",
    }
    found = call(SitemapCrawler, {"input": site.url})
    assert {each["url"] for each in found["urls"]} == {
        f"https://a.example/{number}" for number in range(1, 5)
    }
    assert found["urls_found"] == 4 and found["stats"]["sitemaps_processed"] == 4
    alone = call(SitemapCrawler, {"input": f"{site.url}/index.xml", "follow_sitemaps": False})
    assert alone["urls"][0] == {"url": f"{site.url}/one.xml.gz", "type": "sitemap"}
    few = call(SitemapCrawler, {"input": site.url, "max_urls": 2})
    assert (few["urls_found"], few["truncated"]) == (2, True)


BOMB = """<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><urlset><url><loc>https://a/&c;</loc></url></urlset>"""
OUTSIDE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><urlset><url><loc>https://a/&e;</loc></url></urlset>'


@pytest.mark.parametrize("text", [BOMB, OUTSIDE, "<urlset><url>", "<html><body>x</body></html>", "<" * 1000])
def test_sitemaps_that_are_none(site: Site, text: str) -> None:
    site.pages["/sitemap.xml"] = text
    with pytest.raises(ToolFailedError):
        call(SitemapCrawler, {"input": f"{site.url}/sitemap.xml"})


def test_one_bad_sitemap_does_not_spoil_the_rest(site: Site) -> None:
    site.pages |= {
        "/index.xml": index(
            "http://169.254.169.254/x.xml",
            f"{site.url}/bomb.xml",
            f"{site.url}/gone.xml",
            f"{site.url}/good.xml",
        ),
        "/bomb.xml": BOMB,
        "/good.xml": urlset("https://a.example/1"),
    }
    found = call(SitemapCrawler, {"input": f"{site.url}/index.xml"})
    assert [each["url"] for each in found["urls"]] == ["https://a.example/1"]
    assert len(found["errors"]) == found["stats"]["sitemaps_failed"] == 3
    assert "metadata service" in found["errors"][0]["error"]


def test_indexes_of_indexes_end(site: Site) -> None:
    for number in range(60):
        site.pages[f"/{number}.xml"] = index(f"{site.url}/{number + 1}.xml")
    found = call(SitemapCrawler, {"input": f"{site.url}/0.xml"})
    assert found["truncated"] and len(site.requests) == 4
    site.pages["/wide.xml"] = index(*(f"{site.url}/{number}.xml" for number in range(60)))
    many = world("sitemap-crawler", {"web_tools": {"max_sitemaps": 5}})
    site.requests.clear()
    assert call(SitemapCrawler, {"input": f"{site.url}/wide.xml"}, many)["truncated"]
    assert len(site.requests) == 5


def test_a_crawl_tells_what_it_found_in_time(site: Site) -> None:
    def never(handler: Any, request: Any) -> None:
        handler.site.over.wait(20)

    site.pages |= {
        "/index.xml": index(f"{site.url}/good.xml", f"{site.url}/never.xml", f"{site.url}/later.xml"),
        "/good.xml": urlset("https://a.example/1"),
        "/never.xml": never,
    }
    began = time.monotonic()
    found = call(SitemapCrawler, {"input": f"{site.url}/index.xml", "timeout": 0.5})
    assert time.monotonic() - began < 5
    assert (found["urls_found"], found["truncated"]) == (1, True)


def test_packed_sitemaps_are_limited() -> None:
    with pytest.raises(ToolFailedError, match="max_sitemap_size"):
        unpacked(gzip.compress(bytes(2_000_000)), 1_000_000)
    with pytest.raises(ToolFailedError, match="cannot be unpacked"):
        unpacked(b"\x1f\x8bnonsense", 1000)
    assert unpacked(gzip.compress(b"x"), 1000) == b"x"
