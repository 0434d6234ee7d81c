"""`[tools.web_tools]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class WebTools(Struct, frozen=True, forbid_unknown_fields=True):
    """Tools that read pages: web-scraper, webpage-monitor, sitemap-crawler, url-analyzer."""

    max_page_size: Annotated[int, Meta(ge=1024, description="Bytes of a page, unpacked.")] = 5_000_000
    max_sitemap_size: Annotated[int, Meta(ge=1024, description="Bytes of a sitemap, unpacked.")] = 52_428_800
    max_sitemaps: Annotated[int, Meta(ge=1, description="Sitemaps that one crawl reads.")] = 50
    max_links: Annotated[int, Meta(ge=1, description="Links and images that are told of a page.")] = 1000
