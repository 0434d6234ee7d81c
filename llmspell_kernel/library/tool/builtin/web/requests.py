"""Tools that make a request: any, a test of an API, a webhook."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from llmspell_kernel.library.tool.builtin.web.fetching import (
    REPEATABLE,
    Asked,
    Auth,
    Fetched,
    Retry,
    authorise,
    checked_headers,
    checked_url,
    encoded,
    fetch,
    shown_headers,
)
from llmspell_kernel.library.tool.builtin.web.parameters import Headers, OptionalTimeout, Timeout, longest
from llmspell_kernel.library.tool.contract import Answer, Tool, ToolFailedError
from llmspell_kernel.library.tool.guards.urls import shown_url

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

Method = Literal["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]

_READING = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing on a server that does as HTTP says."""

Body = Annotated[
    Any,
    Meta(
        description="What to send: a text as it is, a table as JSON, or as a form if the header Content-Type "
        "is application/x-www-form-urlencoded."
    ),
]


class RetryOptions(Struct, kw_only=True, forbid_unknown_fields=True):
    """How often and when a request is repeated."""

    max_retries: Annotated[
        Annotated[int, Meta(ge=0, le=10)] | None,
        Meta(description="How often; if not given, tools.network.max_retries."),
    ] = None
    max_attempts: Annotated[
        Annotated[int, Meta(ge=1, le=11)] | None, Meta(description="The same, with the first attempt.")
    ] = None
    initial_delay_ms: Annotated[float, Meta(ge=0, description="Before the first repetition.")] = 500
    max_delay_ms: Annotated[float, Meta(ge=0, description="Before any of them.")] = 10_000
    backoff_multiplier: Annotated[float, Meta(ge=1, description="How much longer each delay is.")] = 2.0
    retry_on_status: Annotated[tuple[int, ...], Meta(description="Statuses after which it is repeated.")] = (
        REPEATABLE
    )

    def policy(self, otherwise: int) -> Retry:
        """The same for `fetch`; `otherwise` is how often if it does not say."""
        times = otherwise if self.max_retries is None else self.max_retries
        return Retry(
            max_retries=times if self.max_attempts is None else self.max_attempts - 1,
            initial_delay=self.initial_delay_ms / 1000,
            multiplier=self.backoff_multiplier,
            max_delay=self.max_delay_ms / 1000,
            statuses=self.retry_on_status,
            always=True,
        )


class HttpRequester(Tool):
    """Makes an HTTP request, whatever the method, headers and body.

    The result is {status_code, headers, body, timestamp}. JSON arrives as a table, text as a string, and a
    status such as 404 is an answer like any other.
    """

    name, category, level = "http-requester", "api", "safe"
    libraries = ("httpx",)
    aliases = ("http-request",)
    runs = "thread"

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        input: Annotated[str, Meta(description="The URL.")]
        method: Annotated[Method, Meta(description="The method.")] = "GET"
        headers: Headers = {}
        body: Body = None
        auth: Annotated[
            Auth | None,
            Meta(
                description="{type='bearer', token}, {type='basic', username, password} or {type='api_key', "
                "key, header='X-API-Key'}; with `query` in place of `header` the key goes into the URL."
            ),
        ] = None
        retry: Annotated[
            RetryOptions | None,
            Meta(description="Repeats a request that failed: {max_retries, initial_delay_ms ...}."),
        ] = None
        timeout: OptionalTimeout = None
        follow_redirects: Annotated[bool, Meta(description="Whether redirects are followed.")] = True

    @classmethod
    def acts(cls, given: Any) -> bool:
        """With another method than GET, HEAD and OPTIONS."""
        return given.method not in _READING

    @classmethod
    def limit(cls, given: Any) -> float:
        """Longer than usual if it is told to wait or to repeat."""
        policy = given.retry.policy(3) if given.retry else Retry()
        return longest(given.timeout, policy.max_retries)

    def run(self, given: Parameters, tools: Surroundings) -> Any:
        """{status_code, headers, body, timestamp}."""
        asked = _asked(self.name, given.input, given.method, given.headers, given.body)
        authorise(self.name, asked, given.auth)
        settings = tools.settings.tools
        answer = fetch(
            tools,
            asked,
            seconds=given.timeout,
            redirects=None if given.follow_redirects else 0,
            retry=given.retry.policy(settings.network.max_retries) if given.retry else None,
        )
        return Answer(
            {
                "status_code": answer.status,
                "headers": answer.headers,
                "body": answer.value(),
                "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            },
            f"{answer.method} {answer.url}: {answer.status} {answer.reason}".rstrip(),
            {
                "method": given.method,
                "url": answer.url,
                "duration_ms": answer.milliseconds,
                "redirects": answer.redirects,
                "retries": answer.retries,
            },
        )


class ApiTester(Tool):
    """Makes one request and tells all about it: what was sent, what came back, how long it took.

    The result is {request{method, url, headers, body}, response{status_code, headers, body, size, redirects},
    timing{duration_ms}}. What is secret in the request is not told.
    """

    name, category, level = "api-tester", "data", "restricted"
    libraries = ("httpx",)
    runs = "thread"

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        input: Annotated[str, Meta(description="The URL.")]
        method: Annotated[Method, Meta(description="The method.")] = "GET"
        headers: Headers = {}
        body: Body = None
        timeout: Timeout = 30.0
        expected_status: Annotated[
            int | None, Meta(description="The status that it should have; the test fails with any other.")
        ] = None

    @classmethod
    def acts(cls, given: Any) -> bool:
        """With another method than GET, HEAD and OPTIONS."""
        return given.method not in _READING

    @classmethod
    def limit(cls, given: Any) -> float:
        """As long as it is told to wait."""
        return longest(given.timeout, 0)

    def run(self, given: Parameters, tools: Surroundings) -> Any:
        """{request{method, url, headers, body}, response{status_code, headers, body, size}, timing}."""
        asked = _asked(self.name, given.input, given.method, given.headers, given.body)
        answer = fetch(tools, asked, seconds=given.timeout)
        report = {
            "request": {
                "method": asked.method,
                "url": shown_url(asked.url),
                "headers": shown_headers(asked.headers),
                "body": given.body,
            },
            "response": {**_told(answer), "size": len(answer.body), "redirects": answer.redirects},
            "timing": {"duration_ms": answer.milliseconds},
        }
        if given.expected_status not in (None, answer.status):
            raise ToolFailedError(
                f"{shown_url(asked.url)} answered {answer.status}, not {given.expected_status}", **report
            )
        return report


class WebhookCaller(Tool):
    """Sends a payload to a webhook, again if it fails. A status of 400 or more is a failure.

    The result is {success, webhook_url, status_code, response, response_time_ms, retries_attempted}.
    """

    name, category, level = "webhook-caller", "data", "restricted"
    libraries = ("httpx",)
    runs = "thread"

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        input: Annotated[str, Meta(description="The webhook's URL.")]
        payload: Body = None
        headers: Headers = {}
        method: Annotated[Method, Meta(description="The method.")] = "POST"
        max_retries: Annotated[
            Annotated[int, Meta(ge=0, le=10)] | None,
            Meta(description="How often it is tried again; if not given, tools.network.max_retries."),
        ] = None
        timeout: Timeout = 30.0

    @classmethod
    def acts(cls, given: Any) -> bool:
        """Every call: it tells somebody something."""
        return True

    @classmethod
    def limit(cls, given: Any) -> float:
        """As long as all attempts."""
        return longest(given.timeout, 3 if given.max_retries is None else given.max_retries)

    def run(self, given: Parameters, tools: Surroundings) -> Any:
        """{success, webhook_url, status_code, response, response_time_ms, retries_attempted}."""
        payload = {} if given.payload is None and given.method not in ("GET", "HEAD") else given.payload
        asked = _asked(self.name, given.input, given.method, given.headers, payload)
        times = tools.settings.tools.network.max_retries if given.max_retries is None else given.max_retries
        answer = fetch(tools, asked, seconds=given.timeout, retry=Retry(max_retries=times, always=True))
        told = {
            "webhook_url": answer.url,
            "status_code": answer.status,
            "response": answer.value(),
            "response_time_ms": answer.milliseconds,
            "retries_attempted": answer.retries,
        }
        if answer.status >= 400:
            raise ToolFailedError(f"the webhook answered {answer.status} {answer.reason}".rstrip(), **told)
        return {"success": True, **told}


def _asked(tool: str, url: str, method: str, headers: dict[str, Any], body: Any) -> Asked:
    checked = checked_headers(tool, headers)
    return Asked(method, checked_url(tool, url), checked, encoded(tool, body, checked))


def _told(answer: Fetched) -> dict[str, Any]:
    return {"status_code": answer.status, "headers": answer.headers, "body": answer.value()}
