"""http-requester, api-tester, webhook-caller and graphql-query, with a real server."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from llmspell_kernel.errors import NotAllowedError, ParameterError
from llmspell_kernel.library.tool.builtin.web.fetching import retry_after
from llmspell_kernel.library.tool.builtin.web.graphql import GraphqlQuery, operations_of
from llmspell_kernel.library.tool.builtin.web.requests import ApiTester, HttpRequester, WebhookCaller
from llmspell_kernel.library.tool.contract import Tool, ToolFailedError
from tests.library.tool.web import Site, call, serving, world

JSON = {"Content-Type": "application/json"}
SOON = {"max_retries": 3, "initial_delay_ms": 5}


def echo(handler: Any, request: Any) -> tuple[int, dict[str, str], str]:
    told = {
        "method": request.method,
        "path": request.path,
        "headers": request.headers,
        "body": request.body.decode("latin-1"),
    }
    return 200, JSON, json.dumps(told)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving({"/echo": echo}) as site:
        yield site


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_request_with_each_method(site: Site, method: str) -> None:
    body = None if method in ("GET", "OPTIONS", "DELETE") else {"a": [1, "ü"]}
    found = call(
        HttpRequester,
        {"input": f"{site.url}/echo?x=1", "method": method, "body": body, "headers": {"X-N": 5}},
    )
    assert found["status_code"] == 200
    assert datetime.fromisoformat(found["timestamp"]).tzinfo is not None
    told = found["body"]
    assert (told["method"], told["path"], told["headers"]["x-n"]) == (method, "/echo?x=1", "5")
    if body is not None:
        assert told["headers"]["content-type"] == "application/json"
        assert json.loads(site.requests[0].body) == body


def test_head_has_no_body(site: Site) -> None:
    found = call(HttpRequester, {"input": f"{site.url}/echo", "method": "HEAD"})
    assert (found["status_code"], found["body"]) == (200, "")


def test_bodies_are_what_they_are(site: Site) -> None:
    site.pages |= {
        "/text": (200, {"Content-Type": "text/plain; charset=latin-1"}, "grün".encode("latin-1")),
        "/bytes": (200, {"Content-Type": "image/png"}, b"\x89PNG\xff"),
        "/bad": (200, JSON, "{no json"),
        "/odd": (200, {"Content-Type": "text/plain; charset=nonsense"}, "x"),
    }
    bodies = {
        name: call(HttpRequester, {"input": f"{site.url}/{name}"})["body"]
        for name in ("text", "bytes", "bad", "odd")
    }
    assert bodies == {"text": "grün", "bytes": b"\x89PNG\xff", "bad": "{no json", "odd": "x"}
    for body, kind, sent in (
        ("plain", None, b"plain"),
        (b"\x00\xff", None, b"\x00\xff"),
        ({"a": [1, 2], "b": "x y"}, "application/x-www-form-urlencoded", b"a=1&a=2&b=x+y"),
        ("<x/>", "application/xml", b"<x/>"),
    ):
        headers = {"content-type": kind} if kind else {}
        call(HttpRequester, {"input": f"{site.url}/echo", "method": "POST", "body": body, "headers": headers})
        assert site.requests[-1].body == sent
        if kind:
            assert site.requests[-1].headers["content-type"] == kind


def test_who_asks(site: Site) -> None:
    url = f"{site.url}/echo"
    pair = base64.b64encode("ann:hush ü".encode()).decode()
    for auth, name, value in (
        ({"type": "bearer", "token": "t1"}, "authorization", "Bearer t1"),
        ({"type": "basic", "username": "ann", "password": "hush ü"}, "authorization", f"Basic {pair}"),
        ({"type": "api_key", "key": "k1"}, "x-api-key", "k1"),
        ({"type": "api_key", "key": "k1", "header": "X-Mine"}, "x-mine", "k1"),
    ):
        call(HttpRequester, {"input": url, "auth": auth})
        assert site.requests[-1].headers[name] == value
    there = world()
    call(HttpRequester, {"input": url, "auth": {"type": "api_key", "key": "k&1", "query": "api_key"}}, there)
    assert site.requests[-1].path == "/echo?api_key=k%261"
    assert "k%261" not in json.dumps(there.acts)
    for auth in ({"type": "bearer"}, {"type": "magic"}, {"type": "api_key", "key": "a\r\nX: y"}):
        with pytest.raises(ParameterError):
            call(HttpRequester, {"input": url, "auth": auth})


def test_secrets_do_not_follow_redirects_to_other_servers(site: Site) -> None:
    with serving({"/there": echo}) as other:
        site.pages["/away"] = (307, {"Location": f"{other.url}/there"}, "")
        site.pages["/home"] = (302, {"Location": "/echo"}, "")
        secret = {"Cookie": "c1", "X-Api-Token": "t1", "X-Plain": "p1"}
        given = {"headers": secret, "auth": {"type": "api_key", "key": "k1", "header": "X-Mine"}}
        call(HttpRequester, {"input": f"{site.url}/away", **given})
        seen = other.requests[0].headers
        assert seen["x-plain"] == "p1"
        assert not {"cookie", "x-api-token", "x-mine"} & set(seen)
        call(HttpRequester, {"input": f"{site.url}/home", **given})
        assert {"cookie", "x-api-token", "x-mine"} <= set(site.requests[-1].headers)


def test_the_message_names_the_method_that_was_answered(site: Site) -> None:
    site.pages["/done"] = (303, {"Location": "/echo"}, "")
    answer = HttpRequester().run(
        HttpRequester.Parameters(input=f"{site.url}/done", method="POST", body="x"), world().surroundings
    )
    assert answer.message == f"GET {site.url}/echo: 200 OK"


def test_redirects_are_followed_up_to_a_number(site: Site) -> None:
    site.pages["/loop"] = (302, {"Location": "/loop"}, "")
    with pytest.raises(ToolFailedError, match="more than 10 redirects"):
        call(HttpRequester, {"input": f"{site.url}/loop"})
    assert len(site.requests) == 11
    stayed = call(HttpRequester, {"input": f"{site.url}/loop", "follow_redirects": False})
    assert (stayed["status_code"], stayed["headers"]["location"]) == (302, "/loop")


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "a\r\nHost: evil"},
        {"X\r\nY": "a"},
        {"X": "a\x00b"},
        {"Host": "evil.example"},
        {"content-length": "5"},
        {"Transfer-Encoding": "chunked"},
        {"Proxy-Authorization": "x"},
        {"X": {"a": 1}},
        {"": "x"},
        {"X": "ü"},
    ],
)
@pytest.mark.parametrize("tool", [HttpRequester, ApiTester, WebhookCaller])
def test_no_header_can_be_smuggled_in(site: Site, headers: dict[str, Any], tool: type[Tool]) -> None:
    with pytest.raises(ParameterError):
        call(tool, {"input": f"{site.url}/echo", "headers": headers})
    assert not site.requests


def failing(times: int, status: int = 503, **headers: str) -> Any:
    left = [times]

    def page(handler: Any, request: Any) -> Any:
        left[0] -= 1
        return (status, headers, "not yet") if left[0] >= 0 else (200, {}, "at last")

    return page


def test_requests_are_repeated_when_told_to(site: Site) -> None:
    site.pages["/flaky"] = failing(2)
    found = call(HttpRequester, {"input": f"{site.url}/flaky", "retry": SOON})
    assert (found["status_code"], found["body"], len(site.requests)) == (200, "at last", 3)
    site.pages["/flaky"] = failing(9)
    assert call(HttpRequester, {"input": f"{site.url}/flaky"})["status_code"] == 503
    site.pages["/flaky"] = failing(9)
    assert call(HttpRequester, {"input": f"{site.url}/flaky", "retry": SOON})["status_code"] == 503
    assert len(site.requests) == 3 + 1 + 4
    site.pages["/gone"] = (404, {}, "")
    call(HttpRequester, {"input": f"{site.url}/gone", "retry": SOON})
    assert len(site.requests) == 9, "a status that will stay is not asked for again"


def test_a_server_may_say_how_long_to_wait(site: Site) -> None:
    site.pages["/busy"] = failing(1, 429, **{"Retry-After": "1"})
    began = time.monotonic()
    assert call(HttpRequester, {"input": f"{site.url}/busy", "retry": SOON})["body"] == "at last"
    assert time.monotonic() - began >= 1
    # No longer than the call may take: the answer is what there is.
    site.pages["/busy"] = failing(9, 429, **{"Retry-After": "3600"})
    began = time.monotonic()
    assert call(HttpRequester, {"input": f"{site.url}/busy", "retry": SOON})["status_code"] == 429
    assert time.monotonic() - began < 3
    assert 50 < retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)) <= 60
    assert retry_after("nonsense") == 0


def test_what_goes_wrong_on_the_way_is_told(site: Site) -> None:
    def cut(handler: Any, request: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")

    site.pages |= {
        "/cut": cut,
        "/garbage": lambda handler, request: handler.wfile.write(b"\x00\xff\r\n\r\n") and None,
    }
    for path in ("cut", "garbage"):
        with pytest.raises(ToolFailedError) as failed:
            call(HttpRequester, {"input": f"{site.url}/{path}"})
        assert failed.value.details["kind"] == "connection"
    with pytest.raises(ToolFailedError, match="cannot be reached"):
        call(HttpRequester, {"input": "http://127.0.0.1:1/"})
    with pytest.raises(ToolFailedError, match="max_request_size"):
        there = world(settings={"http_request": {"max_request_size": 10}})
        call(HttpRequester, {"input": f"{site.url}/echo", "method": "POST", "body": "x" * 11}, there)
    with pytest.raises(ParameterError, match="URL"):
        call(HttpRequester, {"input": " "})


def test_lists_of_hosts_hold_for_requests(site: Site) -> None:
    for lists in ({"blocked_hosts": ["127.0.0.1"]}, {"allowed_hosts": ["*.example.org"]}):
        for tool in (HttpRequester, ApiTester, WebhookCaller):
            with pytest.raises(NotAllowedError, match=r"tools\.http_request\."):
                call(tool, {"input": f"{site.url}/echo"}, world(tool.name, {"http_request": lists}))
    assert not site.requests


def test_headers_of_the_settings_are_sent(site: Site) -> None:
    settings = {"http_request": {"default_headers": {"named": {"X-Team": "blue"}}, "user_agent": "Ours/1"}}
    call(HttpRequester, {"input": f"{site.url}/echo"}, world(settings=settings))
    assert site.requests[0].headers["x-team"] == "blue"
    assert site.requests[0].headers["user-agent"] == "Ours/1"


def test_api_tester_tells_all_but_secrets(site: Site) -> None:
    given = {
        "input": f"{site.url}/echo?token=hush",
        "method": "POST",
        "headers": {"Authorization": "Bearer hush", "X-A": "b"},
        "body": {"a": 1},
    }
    found = call(ApiTester, given)
    assert found["request"] == {
        "method": "POST",
        "url": f"{site.url}/echo?token=***",
        "headers": {"Authorization": "***", "X-A": "b", "Content-Type": "application/json"},
        "body": {"a": 1},
    }
    assert found["response"]["status_code"] == 200
    assert found["response"]["body"]["method"] == "POST"
    assert found["response"]["size"] > 0 and found["timing"]["duration_ms"] > 0
    assert site.requests[0].headers["authorization"] == "Bearer hush"
    with pytest.raises(ToolFailedError, match="answered 200, not 201"):
        call(ApiTester, {**given, "expected_status": 201})


def test_webhooks(site: Site) -> None:
    site.pages["/hook"] = failing(1, 500)
    found = call(WebhookCaller, {"input": f"{site.url}/hook", "payload": {"event": "done"}})
    assert found.pop("response_time_ms") > 0
    assert found == {
        "success": True,
        "webhook_url": f"{site.url}/hook",
        "status_code": 200,
        "response": "at last",
        "retries_attempted": 1,
    }
    assert json.loads(site.requests[-1].body) == {"event": "done"}
    site.pages["/hook"] = (403, {}, "no")
    with pytest.raises(ToolFailedError, match="403") as failed:
        call(WebhookCaller, {"input": f"{site.url}/hook", "max_retries": 0})
    assert failed.value.details["status_code"] == 403
    with pytest.raises(NotAllowedError, match="allow_private"):
        call(WebhookCaller, {"input": f"{site.url}/hook"}, private=())


def graphql(handler: Any, request: Any) -> Any:
    asked = json.loads(request.body)
    if "fail" in asked["query"]:
        return 200, JSON, '{"data": null, "errors": [{"message": "no such field"}]}'
    if "partly" in asked["query"]:
        return 200, JSON, '{"data": {"a": null}, "errors": [{"message": "a is gone"}]}'
    if "__schema" in asked["query"]:
        return 200, JSON, '{"data": {"__schema": {"types": []}}}'
    return 200, JSON, json.dumps({"data": asked})


def test_graphql(site: Site) -> None:
    site.pages["/graphql"] = graphql
    url = f"{site.url}/graphql"
    found = call(
        GraphqlQuery,
        {
            "endpoint": url,
            "input": "query Q($n: Int) { a(n: $n) }",
            "variables": {"n": 1},
            "operation_name": "Q",
        },
    )
    assert (found["operation"], found["endpoint"]) == ("query", url)
    assert found["result"]["data"] == {
        "query": "query Q($n: Int) { a(n: $n) }",
        "variables": {"n": 1},
        "operationName": "Q",
    }
    changed = call(
        GraphqlQuery,
        {
            "operation": "mutation",
            "endpoint": url,
            "input": "mutation { add }",
            "auth": {"type": "bearer", "token": "t"},
        },
    )
    assert changed["result"]["data"] == {"query": "mutation { add }"}
    assert site.requests[-1].headers["authorization"] == "Bearer t"
    schema = call(GraphqlQuery, {"operation": "introspection", "endpoint": url})
    assert schema["result"]["data"]["__schema"] == {"types": []}
    partly = call(GraphqlQuery, {"endpoint": url, "input": "{ partly }"})
    assert partly["result"]["errors"][0]["message"] == "a is gone"
    with pytest.raises(ToolFailedError, match="no such field"):
        call(GraphqlQuery, {"endpoint": url, "input": "{ fail }"})
    site.pages["/graphql"] = (502, {}, "<h1>Bad gateway</h1>")
    with pytest.raises(ToolFailedError, match="502"):
        call(GraphqlQuery, {"endpoint": url, "input": "{ a }"})


def test_a_document_must_be_of_the_operation(site: Site) -> None:
    url = f"{site.url}/echo"
    for given in (
        {"input": "mutation { drop }"},
        {"input": "{ a }", "operation": "mutation"},
        {"input": "query A { a }", "operation_name": "B"},
        {"input": "fragment F on T { a }"},
        {"input": ""},
    ):
        with pytest.raises(ParameterError):
            call(GraphqlQuery, {"endpoint": url, **given})
    assert not site.requests
    document = (
        '# mutation\nquery A { a(s: "} mutation {") } """x""" mutation B @d { b } subscription C { c } { d }'
    )
    assert operations_of(document) == {"A": "query", "B": "mutation", "C": "subscription", "": "query"}


def test_subscriptions_come_as_server_sent_events(site: Site) -> None:
    def events(handler: Any, request: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n:\n\n")
        try:
            for number in range(100):
                handler.wfile.write(b'event: next\ndata: {"data": {"n": %d}}\n\n' % number)
            handler.site.over.wait(20)
        except OSError:
            pass

    ended = 'event: next\ndata: {"data":\ndata: {"n": 1}}\n\nevent: complete\ndata:\n\n'
    site.pages |= {
        "/events": events,
        "/ended": lambda handler, request: (200, {"Content-Type": "text/event-stream"}, ended),
    }
    given = {"operation": "subscription", "input": "subscription { n }"}
    found = call(GraphqlQuery, {**given, "endpoint": f"{site.url}/events", "max_events": 3})
    assert found["result"] == {
        "events": [{"data": {"n": each}} for each in range(3)],
        "count": 3,
        "completed": False,
    }
    assert site.requests[0].headers["accept"] == "text/event-stream"
    waited = call(
        GraphqlQuery, {**given, "endpoint": f"{site.url}/events", "max_events": 1000, "timeout": 0.5}
    )
    assert waited["result"]["count"] == 100
    over = call(GraphqlQuery, {**given, "endpoint": f"{site.url}/ended"})
    assert over["result"] == {"events": [{"data": {"n": 1}}], "count": 1, "completed": True}
    with pytest.raises(ToolFailedError, match="graphql-sse"):
        call(GraphqlQuery, {**given, "endpoint": f"{site.url}/echo"})
