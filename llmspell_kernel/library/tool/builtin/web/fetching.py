"""HTTP requests as tools make them: checked headers, redirects, retries, bodies as what they are."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit, urlunsplit

from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.contract import ToolFailedError
from llmspell_kernel.library.tool.guards.network import UnreachableError
from llmspell_kernel.library.tool.guards.urls import SCHEMES, is_secret, shown_url

if TYPE_CHECKING:
    import httpx

    from llmspell_kernel.library.tool.surroundings import Surroundings

REPEATABLE = (408, 425, 429, 500, 502, 503, 504)
"""Statuses after which the same request may succeed."""

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
)
"""Headers that belong to the connection; whoever sets them could say another host than was checked."""


class Retry(Struct, kw_only=True, frozen=True):
    """When and how often a request is repeated.

    Attributes:
        always: also if it may have had an effect (POST, PATCH).
    """

    max_retries: int = 0
    initial_delay: float = 0.5
    multiplier: float = 2.0
    max_delay: float = 10.0
    statuses: Sequence[int] = REPEATABLE
    always: bool = False


@dataclass(slots=True)
class Asked:
    """A request.

    Attributes:
        secrets: names of headers that no other server may get.
    """

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    secrets: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer.

    Attributes:
        method: what it answers, after redirects, which may turn a POST into a GET.
        url: where it came from, after redirects, without secrets.
        redirects: where it was asked for before that.
        retries: how often the request was repeated.
        seconds: that the last attempt took.
    """

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes
    method: str
    url: str
    redirects: list[str]
    retries: int
    seconds: float

    @property
    def kind(self) -> str:
        """The media type in lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def milliseconds(self) -> float:
        """What the last attempt took."""
        return round(self.seconds * 1000, 3)

    def text(self) -> str:
        """The body as text, in the character set that the server names; what is none becomes U+FFFD."""
        return self.body.decode(self._charset(), "replace")

    def value(self) -> Any:
        """The body as what it is: JSON's value, a text, or bytes."""
        if self.kind == "application/json" or self.kind.endswith("+json"):
            try:
                return json.loads(self.body)
            except (ValueError, RecursionError):
                pass
        try:
            return self.body.decode(self._charset())
        except UnicodeDecodeError:
            return self.body

    def _charset(self) -> str:
        found = re.search(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]+)", self.headers.get("content-type", ""))
        try:
            "".encode(found[1] if found else "utf-8")
        except LookupError:
            found = None
        return found[1] if found else "utf-8"


def fetch(
    tools: Surroundings,
    asked: Asked,
    *,
    seconds: float | None = None,
    max_bytes: int | None = None,
    redirects: int | None = None,
    retry: Retry | None = None,
) -> Fetched:
    """The answer to a request, whatever its status.

    Args:
        tools: the guard and the deadline.
        asked: the request.
        seconds: that one attempt may take; by default what the settings say.
        max_bytes: of the answer, by default what the settings say.
        redirects: that are followed, by default what the settings say.
        retry: when it is repeated; never by default.

    Raises:
        ToolFailedError: there was none; says why, without secrets.
        NotAllowedError: the guard forbids it.
    """
    policy = retry or Retry()
    again = policy.always or asked.method in _IDEMPOTENT
    tools.network.check_url(asked.url)  # as it was written, not as the client understands it
    with tools.network.client(seconds=seconds, max_bytes=max_bytes) as client:
        retries = 0
        while True:
            problem: ToolFailedError | None = None
            answer: Fetched | None = None
            try:
                answer = _attempt(client, tools, asked, redirects, retries)
                if answer.status not in policy.statuses:
                    return answer
            except _FailedError as error:
                problem = error
            except UnreachableError as error:
                problem = _FailedError(str(error), kind="connection", **error.details)
            left = again and retries < policy.max_retries
            if not left or not _paused(tools, policy, retries, answer):
                if answer is not None:
                    return answer
                assert problem is not None
                problem.details["retries_attempted"] = retries
                raise problem
            retries += 1


class _FailedError(ToolFailedError):
    """An attempt came to nothing, for a reason that may pass."""


def _attempt(
    client: httpx.Client, tools: Surroundings, asked: Asked, redirects: int | None, retries: int
) -> Fetched:
    import httpx

    limit = tools.settings.tools.http_request.max_redirects if redirects is None else redirects
    began = time.monotonic()
    passed: list[str] = []
    try:
        request = client.build_request(
            asked.method, asked.url, headers=_all_headers(tools, asked), content=asked.body
        )
        while True:
            answer = client.send(request)
            following = answer.next_request
            if following is None or limit == 0:
                break
            if len(passed) >= limit:
                raise ToolFailedError(
                    f"{shown_url(asked.url)} leads on and on: more than {limit} redirects", kind="redirects"
                )
            passed.append(shown_url(str(request.url)))
            if _origin(request.url) != _origin(following.url):
                for name in {*asked.secrets, *filter(is_secret, following.headers)}:
                    following.headers.pop(name, None)
            elif cookie := request.headers.get("Cookie"):
                following.headers.setdefault("Cookie", cookie)  # httpx leaves it out
            request = following
    except httpx.TimeoutException as error:
        raise _FailedError(f"{shown_url(asked.url)}: {error}", kind="timeout") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        reason = str(error) or "the connection was closed"
        raise _FailedError(f"{shown_url(asked.url)}: {reason}", kind="connection") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ToolFailedError(f"{shown_url(asked.url)}: {error}", kind="request") from error
    return Fetched(
        answer.status_code,
        answer.reason_phrase,
        {name.lower(): value for name, value in answer.headers.items()},
        answer.content,
        request.method,
        shown_url(str(answer.url)),
        passed,
        retries,
        time.monotonic() - began,
    )


def _paused(tools: Surroundings, policy: Retry, retries: int, answer: Fetched | None) -> bool:
    """Waits until the next attempt; False if that would come too late."""
    delay = min(policy.initial_delay * policy.multiplier**retries, policy.max_delay)
    if answer is not None:
        delay = max(delay, retry_after(answer.headers.get("retry-after", "")))
    if delay >= tools.seconds_left:
        return False
    tools.cancelled.wait(delay)
    return tools.seconds_left > 0


def retry_after(header: str) -> float:
    """The seconds that a server asks to wait; 0 if it does not."""
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def checked_headers(tool: str, headers: Mapping[str, Any]) -> dict[str, str]:
    """Headers that a script gives, as they are sent.

    Raises:
        ParameterError: a name or a value is none, or could become a header of its own.
    """
    problems, found = [], {}
    for name, value in headers.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            problems.append(f"the header {name!r} must be a text, not {type(value).__name__}")
            continue
        text = str(value).strip(" \t")
        if not _TOKEN.match(str(name)):
            problems.append(f"{name!r} is no name of a header")
        elif str(name).lower() in _OURS or str(name).lower().startswith("proxy-"):
            problems.append(f"the header {name!r} is set by the connection")
        elif re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
            problems.append(f"the header {name!r} has a line break or a control character in it")
        elif not text.isascii():
            problems.append(
                f"the header {name!r} has characters in it beyond ASCII, which headers cannot have"
            )
        else:
            found[str(name)] = text
    if problems:
        raise ParameterError(tool, problems)
    return found


def checked_url(tool: str, url: str) -> str:
    """A URL as it is asked for; one without a scheme is of https.

    Raises:
        ParameterError: it is empty.
    """
    if not url.strip():
        raise ParameterError(tool, ["input must be a URL such as https://example.org/, not an empty text"])
    return url.strip()


def encoded(tool: str, body: Any, headers: dict[str, str]) -> bytes | None:
    """A body as bytes, in the form that the header Content-Type names; that is added if it is missing.

    Raises:
        ParameterError: it does not have such a form.
    """
    if body is None:
        return None
    said = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if isinstance(body, bytes):
        _default(headers, said, "application/octet-stream")
        return body
    if isinstance(body, str):
        _default(headers, said, "text/plain; charset=utf-8")
        return body.encode()
    if said.lower().startswith("application/x-www-form-urlencoded"):
        if not isinstance(body, Mapping):
            raise ParameterError(tool, ["the body of a form must be a table of names and values"])
        return urlencode({str(name): value for name, value in body.items()}, doseq=True).encode()
    _default(headers, said, "application/json")
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError(tool, [f"the body cannot be written as JSON: {error}"]) from None


class Auth(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who asks: `bearer` with `token`, `basic` with `username` and `password`, `api_key` with `key`."""

    type: Annotated[Literal["bearer", "basic", "api_key"], Meta(description="How.")]
    token: Annotated[str, Meta(description="Of bearer.")] = ""
    username: Annotated[str, Meta(description="Of basic.")] = ""
    password: Annotated[str, Meta(description="Of basic.")] = ""
    key: Annotated[str, Meta(description="Of api_key.")] = ""
    header: Annotated[str, Meta(description="The header that the key is sent in.")] = "X-API-Key"
    query: Annotated[str, Meta(description="The URL's parameter that the key is sent in instead.")] = ""


def authorise(tool: str, asked: Asked, auth: Auth | None) -> None:
    """Adds to a request who asks.

    Raises:
        ParameterError: it is not told how.
    """
    if auth is None:
        return
    needs = {"bearer": ("token",), "basic": ("username",), "api_key": ("key",)}
    for name in needs[auth.type]:
        if not getattr(auth, name):
            raise ParameterError(tool, [f"auth.{name} is missing: auth.type {auth.type!r} needs it"])
    if auth.type == "api_key" and auth.query:
        parts = urlsplit(asked.url)
        query = [*parse_qsl(parts.query, keep_blank_values=True), (auth.query, auth.key)]
        asked.url = urlunsplit(
            parts._replace(query="&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in query))
        )
        return
    if auth.type == "api_key":
        added = {auth.header: auth.key}
    elif auth.type == "bearer":
        added = {"Authorization": f"Bearer {auth.token}"}
    else:
        pair = base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode()
        added = {"Authorization": f"Basic {pair}"}
    for name, value in checked_headers(tool, added).items():
        for same in [each for each in asked.headers if each.lower() == name.lower()]:
            del asked.headers[same]
        asked.headers[name] = value
        asked.secrets.add(name)


def shown_headers(headers: Mapping[str, str], secrets: set[str] | None = None) -> dict[str, str]:
    """Headers of a request, as they may be told: what is secret is not."""
    hidden = {name.lower() for name in secrets or ()}
    return {
        name: "***" if name.lower() in hidden or is_secret(name) else value for name, value in headers.items()
    }


def _all_headers(tools: Surroundings, asked: Asked) -> dict[str, str]:
    settings = tools.settings.tools.http_request
    given = {name.lower() for name in asked.headers}
    defaults = {"User-Agent": settings.user_agent, "Accept": "*/*", **settings.default_headers.named}
    return {
        **{name: value for name, value in defaults.items() if name.lower() not in given},
        **asked.headers,
    }


def _default(headers: dict[str, str], said: str, kind: str) -> None:
    if not said:
        headers["Content-Type"] = kind


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or SCHEMES.get(url.scheme, 0)
