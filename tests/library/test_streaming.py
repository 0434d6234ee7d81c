"""The global `Streaming`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmspell_kernel.client.embedded import EmbeddedClient, start_embedded_kernel

SQUARES = "local s = Streaming.create(function(n) for i = 1, n do Streaming.yield(i * i) end end, 3) "


@pytest.fixture(scope="module", params=["lua54", "luajit"])
def client(request: pytest.FixtureRequest) -> Iterator[EmbeddedClient]:
    with start_embedded_kernel({"default_engine": request.param}) as client:
        yield client


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("print(s:next(), s:next(), s:next(), s:next(), s:next())", "1\t4\t9\tnil\tnil"),
        ("print(table.concat(s:collect(), ' '))", "1 4 9"),
        ("print(table.concat(s:collect(2), ' '), s:isDone(), s:next(), s:isDone())", "1 4\tfalse\t9\ttrue"),
        ("for square in s do io.write(square, ' ') end", "1 4 9"),
        ("print(s) s:collect() print(s)", "stream: suspended\nstream: done"),
        ("local e = Streaming.create(function() end) print(e:isDone(), e:next())", "true\tnil"),
        (
            "local f = Streaming.create(function() Streaming.yield(false) end) print(f:isDone(), f:next())",
            "false\tfalse",
        ),
    ],
)
def test_values_come_one_after_the_other(client: EmbeddedClient, code: str, printed: str) -> None:
    execution = client.execute(SQUARES + code)
    assert execution.error is None, execution.error
    assert execution.stdout.strip() == printed


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "Streaming.create()",
            "bad argument 'producer' to 'Streaming.create' (function expected, got no value)",
        ),
        ("Streaming.yield(1)", "outside of a stream's function"),
        ("Streaming.create(function() error('torn') end):next()", "torn"),
        (SQUARES + "s.next()", "call it as stream:next()"),
    ],
)
def test_misuse_is_told(client: EmbeddedClient, code: str, message: str) -> None:
    execution = client.execute(code)
    assert execution.error is not None and message in execution.error.evalue


def test_it_makes_only_what_is_asked_for(client: EmbeddedClient) -> None:
    endless = "local n = 0 while true do n = n + 1 Streaming.yield(n) seen = n end"
    code = f"local s = Streaming.create(function() {endless} end) s:next() s:next() print(seen)"
    assert client.execute(code).stdout.strip() == "1"
