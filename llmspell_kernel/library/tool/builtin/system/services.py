"""Whether services answer."""

from __future__ import annotations

import http.client
import ssl
import time
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.contract import Tool, ToolFailedError

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

_PORTS = {"http": 80, "https": 443}


class ServiceChecker(Tool):
    """Tells whether something listens at a port, a web server answers, or a name has addresses.

    That nobody answers is no failure: `available` is false then, and `error` says why. Which hosts may be
    asked is said by tools.system.checked_hosts, and for all others by the rules for every connection.
    """

    name, category, level = "service-checker", "system", "restricted"
    runs = "thread"
    example: ClassVar[dict[str, Any]] = {"target": "localhost:1", "check_type": "tcp"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        target: Annotated[
            str,
            Meta(
                min_length=1,
                max_length=2000,
                description="What to check: `host:port` for tcp, a URL or `host:port` for http and https, a "
                "name for dns.",
            ),
        ]
        check_type: Annotated[Literal["tcp", "http", "https", "dns"], Meta(description="How to check.")]
        timeout_seconds: Annotated[
            float, Meta(gt=0, le=60, description="Seconds after which nobody has answered.")
        ] = 5.0

    @classmethod
    def limit(cls, given: Any) -> float:
        """What the call says itself, and a moment to answer."""
        return float(given.timeout_seconds) + 2

    def run(self, given: Parameters, tools: Surroundings) -> object:
        """Answers {target, check_type, available, response_time_ms, status, error, ...}."""
        tools.deadline = min(tools.deadline, time.monotonic() + given.timeout_seconds + 1)
        check = {"dns": self._dns, "tcp": self._tcp}.get(given.check_type, self._http)
        start = time.monotonic()
        answer: dict[str, Any] = {"target": given.target, "check_type": given.check_type}
        try:
            answer |= {"available": True, **check(given, tools)}
        except (ToolFailedError, OSError, http.client.HTTPException) as error:
            answer |= {"available": False, "status": "unavailable", "error": str(error) or repr(error)}
        answer["response_time_ms"] = round((time.monotonic() - start) * 1000, 3)
        return answer

    def _dns(self, given: Parameters, tools: Surroundings) -> dict[str, Any]:
        host = given.target.rstrip(".")
        return {"status": "resolved", "addresses": tools.network.addresses(host, 0, self._also(tools))}

    def _tcp(self, given: Parameters, tools: Surroundings) -> dict[str, Any]:
        host, port = self._host_and_port(given.target, None)
        tools.network.connect(host, port, self._also(tools)).close()
        return {"status": "open", "host": host, "port": port}

    def _http(self, given: Parameters, tools: Surroundings) -> dict[str, Any]:
        """Any answer of a web server counts as one, also an error."""
        scheme = given.check_type
        target = given.target if "://" in given.target else f"{scheme}://{given.target}"
        if any(ord(each) <= 32 or ord(each) == 127 for each in target):
            raise ParameterError(self.name, [f"target is no URL, as it has blanks: {given.target!r}"])
        parts = urlsplit(target)
        if parts.scheme != scheme:
            raise ParameterError(self.name, [f"target is no {scheme} URL: {given.target!r}"])
        host, port = self._host_and_port(parts.netloc.rpartition("@")[2], _PORTS[scheme])
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with tools.network.connect(host, port, self._also(tools)) as opened:
            with tools.network.ending(opened.fileno()):
                opened.settimeout(given.timeout_seconds)
                connection = http.client.HTTPConnection(host, port)
                connection.sock = opened if scheme == "http" else self._encrypted(opened, host, tools)
                try:
                    connection.request("GET", path, headers={"User-Agent": "llmspell", "Connection": "close"})
                    response = connection.getresponse()
                except ValueError as error:  # such as letters that no URL has
                    raise ParameterError(self.name, [f"target is no URL: {error}"]) from None
                finally:
                    connection.close()
        return {
            "available": response.status < 500,
            "status": f"{response.status} {response.reason}".strip(),
            "status_code": response.status,
            "host": host,
            "port": port,
        }

    def _encrypted(self, opened: Any, host: str, tools: Surroundings) -> ssl.SSLSocket:
        network = tools.settings.tools.network
        context = ssl.create_default_context(cafile=network.ca_file or None)
        if not network.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(opened, server_hostname=host)

    def _host_and_port(self, target: str, default: int | None) -> tuple[str, int]:
        try:
            parts = urlsplit(f"//{target}")
            host, port = parts.hostname, parts.port or default
        except ValueError as error:
            raise ParameterError(self.name, [f"target {target!r}: {error}"]) from None
        if not host or port is None or parts.path or parts.username:
            raise ParameterError(
                self.name, [f"target must be such as localhost:8080, a host and its port, not {target!r}"]
            )
        return host, port

    def _also(self, tools: Surroundings) -> list[str]:
        return tools.settings.tools.system.checked_hosts
