"""The tool that speaks GraphQL."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError
from llmspell_kernel.library.tool.builtin.web.fetching import (
    Asked,
    Auth,
    authorise,
    checked_headers,
    checked_url,
    encoded,
    fetch,
)
from llmspell_kernel.library.tool.builtin.web.parameters import Headers, OptionalTimeout, longest
from llmspell_kernel.library.tool.contract import Answer, Tool, ToolFailedError, operation
from llmspell_kernel.library.tool.guards.urls import shown_url

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

INTROSPECTION = """
query IntrospectionQuery {
  __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types { ...FullType }
    directives { name description locations args { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description
  fields(includeDeprecated: true) {
    name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason
  }
  inputFields { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
fragment TypeRef on __Type {
  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
  ofType { kind name ofType { kind name } } } } } } }
}
"""
"""What GraphQL's own tools ask a server about its schema."""

_TOKENS = re.compile(
    r'#[^\n\r]*|"""(?:\\"""|.)*?"""|"(?:\\.|[^"\\\n])*"|[{}()\[\]]|[_A-Za-z][_0-9A-Za-z]*', re.S
)


class GraphqlQuery(Tool):
    """Asks a GraphQL server: queries, mutations, subscriptions over server-sent events, its schema."""

    name, category, level = "graphql-query", "api", "privileged"
    libraries = ("httpx",)
    runs = "thread"

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["query", "mutation", "subscription", "introspection"], Meta(description="What to do.")
        ] = "query"
        endpoint: Annotated[str, Meta(description="The server's URL.")]
        input: Annotated[str, Meta(description="The document, such as `{ hero { name } }`.")] = ""
        variables: Annotated[dict[str, Any], Meta(description="Values of the document's variables.")] = {}
        operation_name: Annotated[
            str, Meta(description="Which operation of the document, if it has some.")
        ] = ""
        headers: Headers = {}
        auth: Annotated[
            Auth | None, Meta(description="As http-requester takes it: {type='bearer', token} ...")
        ] = None
        timeout: OptionalTimeout = None
        max_events: Annotated[
            int, Meta(ge=1, le=10_000, description="Events of a subscription that are waited for.")
        ] = 10

    @classmethod
    def limit(cls, given: Any) -> float:
        """As long as it is told to wait."""
        return longest(given.timeout, 0)

    @operation("query", needs=("input",))
    def query(self, given: Parameters, tools: Surroundings) -> object:
        """Asks a query: {operation, endpoint, result{data, errors?}}."""
        return self._ask(given, tools, given.input)

    @operation("mutation", needs=("input",), acts=True)
    def mutation(self, given: Parameters, tools: Surroundings) -> object:
        """Changes something: {operation, endpoint, result{data, errors?}}."""
        return self._ask(given, tools, given.input)

    @operation("introspection")
    def introspection(self, given: Parameters, tools: Surroundings) -> object:
        """Asks for the schema: {operation, endpoint, result{data{__schema}}}."""
        return self._ask(given, tools, given.input or INTROSPECTION)

    @operation("subscription", needs=("input",))
    def subscription(self, given: Parameters, tools: Surroundings) -> object:
        """Collects up to `max_events`: {operation, endpoint, result{events, count, completed}}.

        The server must speak GraphQL over Server-Sent Events, in its mode of distinct connections.
        """
        asked = self._asked(given, given.input)
        asked.headers["Accept"] = "text/event-stream"
        seconds = min(given.timeout or 30.0, tools.seconds_left * 0.9)  # what has come by then is told
        until, events, completed = time.monotonic() + seconds, list[Any](), False
        with tools.network.client(seconds=seconds) as client:
            import httpx

            try:
                with client.stream(
                    asked.method, asked.url, headers=asked.headers, content=asked.body
                ) as answer:
                    self._check_stream(answer, asked)
                    for kind, data in _events(answer.iter_lines()):
                        if kind == "complete":
                            completed = True
                            break
                        if kind == "next":
                            events.append(json.loads(data))
                        if len(events) >= given.max_events:
                            break
            except httpx.TimeoutException as error:
                # The time to wait for events is over; those that came are the result.
                if time.monotonic() < until and not events:
                    raise ToolFailedError(f"{shown_url(asked.url)}: {error}", kind="timeout") from error
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                raise ToolFailedError(f"{shown_url(asked.url)}: {error}", kind="connection") from error
        result = {"events": events, "count": len(events), "completed": completed}
        return {"operation": "subscription", "endpoint": shown_url(given.endpoint), "result": result}

    def _ask(self, given: Parameters, tools: Surroundings, document: str) -> object:
        asked = self._asked(given, document)
        answer = fetch(tools, asked, seconds=given.timeout)
        found = answer.value()
        if not isinstance(found, dict) or not ("data" in found or "errors" in found):
            raise ToolFailedError(
                f"{answer.url} answered {answer.status} {answer.reason}, and not as a GraphQL server does",
                status_code=answer.status,
                response=found if isinstance(found, dict) else answer.text()[:1000],
            )
        errors = found.get("errors") or []
        first = _message(errors)
        if found.get("data") is None:
            raise ToolFailedError(first or "the server answers no data", errors=errors)
        result = {"operation": given.operation, "endpoint": answer.url, "result": found}
        return Answer(result, f"with errors: {first}" if errors else "", {"duration_ms": answer.milliseconds})

    def _asked(self, given: Parameters, document: str) -> Asked:
        wanted = "query" if given.operation == "introspection" else given.operation
        kinds = operations_of(document)
        kind = kinds.get(given.operation_name) if given.operation_name else next(iter(kinds.values()), None)
        if kind is None:
            what = f"no operation called {given.operation_name!r}" if given.operation_name else "no operation"
            raise ParameterError(self.name, [f"there is {what} in the document (parameter input)"])
        if kind != wanted:
            raise ParameterError(
                self.name, [f"the document's operation is a {kind}: give operation={kind!r}, not {wanted!r}"]
            )
        headers = checked_headers(self.name, given.headers)
        body: dict[str, Any] = {"query": document}
        if given.variables:
            body["variables"] = given.variables
        if given.operation_name:
            body["operationName"] = given.operation_name
        headers.setdefault("Accept", "application/graphql-response+json, application/json")
        asked = Asked("POST", checked_url(self.name, given.endpoint), headers)
        asked.body = encoded(self.name, body, headers)
        authorise(self.name, asked, given.auth)
        return asked

    def _check_stream(self, answer: Any, asked: Asked) -> None:
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if answer.status_code != 200 or kind != "text/event-stream":
            raise ToolFailedError(
                f"{shown_url(asked.url)} answered {answer.status_code} with {kind or 'no type'}: "
                "subscriptions need a server that speaks GraphQL over server-sent events (graphql-sse), "
                "not WebSockets",
                status_code=answer.status_code,
            )


def operations_of(document: str) -> dict[str, str]:
    """The kind of each operation in a document by its name; without one, by an empty name."""
    found: dict[str, str] = {}
    depth, kind, name, fragment = 0, "", "", False
    for token in _TOKENS.findall(document):
        if token[0] in '#"':
            continue
        if token in "{([":
            if token == "{" and depth == 0:
                if not fragment:
                    found[name] = kind or "query"
                kind, name, fragment = "", "", False
            depth += 1
        elif token in "})]":
            depth -= 1
        elif depth == 0:
            if token in ("query", "mutation", "subscription") and not kind and not fragment:
                kind = token
            elif token == "fragment" and not kind:
                fragment = True
            elif kind and not name:
                name = token
    return found


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """The server-sent events in lines: the kind and the data of each."""
    kind, data = "", list[str]()
    for line in lines:
        if not line:
            if kind or data:
                yield kind or "message", "\n".join(data)
            kind, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            kind = value
        elif field == "data":
            data.append(value)


def _message(errors: Any) -> str:
    first = errors[0] if isinstance(errors, list) and errors else None
    return str(first.get("message", first)) if isinstance(first, dict) else ""
