"""Completion and inspection through a running kernel."""

from __future__ import annotations

from typing import Any

from tests.kernels import KernelSession


def complete(kernel: KernelSession, code: str, cursor: int | None = None) -> dict[str, Any]:
    return kernel.request(kernel.client.complete(code, len(code) if cursor is None else cursor))


def inspect(kernel: KernelSession, code: str, *, detail: int = 0) -> dict[str, Any]:
    return kernel.request(kernel.client.inspect(code, len(code), detail))


def test_completion_has_types_and_positions_past_emoji(kernel: KernelSession) -> None:
    content = complete(kernel, "x = '🎉' .. string.form -- 🎉", len("x = '🎉' .. string.form"))
    assert content["status"] == "ok"
    assert content["matches"] == ["format"]
    assert (content["cursor_start"], content["cursor_end"]) == (18, 22)
    (described,) = content["metadata"]["_jupyter_types_experimental"]
    assert (described["text"], described["type"]) == ("format", "function")
    assert described["signature"].startswith("(formatstring")


def test_completion_of_what_cells_defined(kernel: KernelSession) -> None:
    assert kernel.execute("local basket = {apple = 1} function weigh(thing) end").status == "ok"
    assert complete(kernel, "basket.")["matches"] == ["apple"]
    assert complete(kernel, "weig")["matches"] == ["weigh"]
    assert complete(kernel, "nosuch.")["matches"] == []


def test_completion_after_an_error(kernel: KernelSession) -> None:
    kernel.execute("local before = {error_field = 1} error('no')")
    assert complete(kernel, "before.")["matches"] == ["error_field"]


def test_inspection_of_the_standard_library(kernel: KernelSession) -> None:
    content = inspect(kernel, "string.format(")
    assert content["found"] is True
    assert "string.format(formatstring" in content["data"]["text/plain"]
    assert content["data"]["text/markdown"].startswith("```lua\nstring.format(")


def test_inspection_of_a_function_and_its_source(kernel: KernelSession) -> None:
    assert (
        kernel.execute("--- Doubles.\n--- @param n number\nfunction double(n) return 2 * n end").status
        == "ok"
    )
    assert "Doubles." in inspect(kernel, "double")["data"]["text/markdown"]
    assert "return 2 * n" in inspect(kernel, "double", detail=1)["data"]["text/plain"]
    assert inspect(kernel, "nosuch")["found"] is False
