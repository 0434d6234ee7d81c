"""The tool that takes URLs apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from msgspec import Meta, Struct

from llmspell_kernel.library.tool.builtin.web.fetching import Asked, fetch
from llmspell_kernel.library.tool.builtin.web.pages import title_of
from llmspell_kernel.library.tool.builtin.web.parameters import Timeout, longest
from llmspell_kernel.library.tool.contract import Place, Tool
from llmspell_kernel.library.tool.guards.addresses import HostError, host_name, literal_address, special

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

_PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 990, "ssh": 22, "ws": 80, "wss": 443, "ldap": 389}


class UrlAnalyzer(Tool):
    """Takes a URL apart, and on demand looks at what is there.

    The result is {valid, scheme, host, port, origin, domain, subdomain, tld, path, path_segments, query,
    query_params, fragment, is_ip, is_private, is_secure ...}, or {valid, error}; with `fetch_metadata` also
    metadata{status_code, content_type, content_length, title, final_url, redirects ...}.
    """

    name, category, level = "url-analyzer", "data", "safe"
    runs = "thread"
    example = {"input": "https://user@www.example.org:8443/a/b.html?q=x%20y&tag=1&tag=2#top"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        input: Annotated[str, Meta(description="The URL.")]
        decode_params: Annotated[
            bool, Meta(description="Whether the parameters' %-signs and pluses are resolved.")
        ] = True
        fetch_metadata: Annotated[bool, Meta(description="Whether to ask the server about it.")] = False
        timeout: Timeout = 10.0

    @classmethod
    def place(cls, given: Any) -> Place:
        """On a thread only if it asks a server."""
        return "thread" if given.fetch_metadata else "here"

    @classmethod
    def limit(cls, given: Any) -> float:
        """As long as it is told to wait."""
        return longest(given.timeout, 0) if given.fetch_metadata else 0.0

    def run(self, given: Parameters, tools: Surroundings) -> Any:
        """{valid, scheme, host, port, path, query_params, fragment ..., metadata?} or {valid, error}."""
        try:
            parts = urlsplit(given.input.strip())
            port = parts.port
            if not parts.scheme:
                raise HostError("it has no scheme such as https://")
            if parts.scheme in _PORTS and not parts.hostname:
                raise HostError("it names no host")
            host = host_name(parts.hostname) if parts.hostname else ""
        except ValueError as error:
            return {"valid": False, "url": given.input, "error": str(error)}
        result = {"valid": True, "url": given.input.strip(), **_facts(parts, host, port)}
        result["query_params"] = _parameters(parts.query, given.decode_params)
        if given.fetch_metadata:
            result["metadata"] = self._metadata(given, tools)
        return result

    def _metadata(self, given: Parameters, tools: Surroundings) -> dict[str, Any]:
        asked = Asked("GET", given.input.strip())
        answer = fetch(
            tools, asked, seconds=given.timeout, max_bytes=tools.settings.tools.web_tools.max_page_size
        )
        return {
            "status_code": answer.status,
            "content_type": answer.headers.get("content-type", ""),
            "content_length": len(answer.body),
            "last_modified": answer.headers.get("last-modified", ""),
            "server": answer.headers.get("server", ""),
            "title": title_of(answer) if "html" in answer.kind else "",
            "final_url": answer.url,
            "redirects": answer.redirects,
            "response_time_ms": answer.milliseconds,
        }


def _facts(parts: SplitResult, host: str, port: int | None) -> dict[str, Any]:
    address = literal_address(host) if host else None
    labels = [] if address or not host else host.split(".")
    usual = _PORTS.get(parts.scheme)
    shown = f"[{host}]" if ":" in host else host
    return {
        "scheme": parts.scheme,
        "username": unquote(parts.username or ""),
        "has_password": parts.password is not None,
        "host": host,
        "port": port if port is not None else usual,
        "is_default_port": port is None or port == usual,
        "origin": f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, usual) else ""),
        "is_ip": address is not None,
        "is_private": bool(special(address)) if address is not None else host == "localhost",
        "is_secure": parts.scheme in ("https", "wss", "ftps", "ssh"),
        "domain": ".".join(labels[-2:]),
        "subdomain": ".".join(labels[:-2]),
        "tld": labels[-1] if len(labels) > 1 else "",
        "path": parts.path,
        "path_segments": [unquote(each) for each in parts.path.split("/") if each],
        "extension": parts.path.rpartition("/")[2].rpartition(".")[2] if "." in parts.path else "",
        "query": parts.query,
        "fragment": parts.fragment,
    }


def _parameters(query: str, decode: bool) -> dict[str, Any]:
    """By name; those that come more than once as lists."""
    if decode:
        pairs = parse_qsl(query, keep_blank_values=True)
    else:
        pairs = [
            (name, value) for each in query.split("&") if each for name, _, value in [each.partition("=")]
        ]
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}
