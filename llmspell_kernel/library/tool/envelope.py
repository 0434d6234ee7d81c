"""What a call of a tool comes to."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from llmspell_kernel.errors import ToolError


class Envelope(NamedTuple):
    """The answer of a tool, made of plain values: those of JSON, and bytes.

    Attributes:
        operation: what was done; the tool's name if it does one thing only.
        success: whether it worked.
        result: what came out.
        message: a sentence about it; may be empty.
        error: if it did not work: `message`, and facts of the tool.
        metadata: `execution_time_ms`, and facts of the tool.
    """

    operation: str
    success: bool
    result: Any
    message: str
    error: dict[str, Any] | None
    metadata: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As scripts and clients see it: what is empty is left out."""
        table: dict[str, Any] = {"operation": self.operation, "success": self.success}
        if self.message:
            table["message"] = self.message
        if self.result is not None:
            table["result"] = self.result
        if self.error is not None:
            table["error"] = self.error
        table["metadata"] = self.metadata
        return table

    @classmethod
    def of(cls, table: dict[str, Any], operation: str) -> Envelope:
        """From such a table, also one that somebody else has made."""
        error = table.get("error")
        if error is not None and not isinstance(error, dict):
            error = {"message": str(error)}
        metadata = table.get("metadata")
        return cls(
            str(table.get("operation", operation)),
            bool(table.get("success", error is None)),
            table.get("result"),
            str(table.get("message", "")),
            error,
            dict(metadata) if isinstance(metadata, dict) else {},
        )


def is_envelope(value: Any) -> bool:
    """Whether a value is an answer as a whole, and not only a result."""
    return isinstance(value, dict) and not {"success", "result", "operation"}.isdisjoint(value)


def plain(value: Any, tool: str) -> Any:
    """A result as plain values.

    Raises:
        ToolError: it holds something that has no such form.
    """
    try:
        return msgspec.to_builtins(value, builtin_types=(bytes,))
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(f"{tool}: its answer cannot be passed on: {error}") from error


def as_json(table: dict[str, Any], tool: str, limit: int) -> bytes:
    """The answer as JSON; bytes become Base64, and what they are is told beside them.

    Bytes under the key `content` have `content_encoding` = "base64" beside them; those in a list, or where
    that key is taken, become {data, encoding}. Text stays as it is.

    Raises:
        ToolError: it takes more bytes than `limit`, or is no text.
    """
    try:
        table = _marked(table)
        try:
            text = msgspec.json.encode(table)
        except TypeError:
            text = msgspec.json.encode(_with_text_keys(table))
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(f"{tool}: its answer cannot be passed on: {error}") from error
    check_size(len(text), tool, limit)
    return text


def _marked(value: Any) -> Any:
    """The same, with all bytes marked as the Base64 that they become."""
    if isinstance(value, bytes):
        return {"data": value, "encoding": "base64"}
    if isinstance(value, list | tuple):
        return [_marked(each) for each in value]
    if isinstance(value, dict):
        beside = {
            key: f"{key}_encoding"
            for key, each in value.items()
            if isinstance(each, bytes) and f"{key}_encoding" not in value
        }
        kept = {key: each if key in beside else _marked(each) for key, each in value.items()}
        return {**kept, **dict.fromkeys(beside.values(), "base64")}
    return value


def _with_text_keys(value: Any) -> Any:
    """The same with all keys as text, as Lua prints them: JSON has no others."""
    if isinstance(value, dict):
        return {
            str(key).lower() if isinstance(key, bool) else str(key): _with_text_keys(each)
            for key, each in value.items()
        }
    return [_with_text_keys(each) for each in value] if isinstance(value, list) else value


def check_size(size: int, tool: str, limit: int) -> None:
    """Whether an answer is small enough.

    Raises:
        ToolError: it is not.
    """
    if size > limit:
        raise ToolError(
            f"{tool}: its answer takes {size:,} bytes, more than the {limit:,} of the setting "
            "tools.max_output_size: ask for less of it, or have it written to a file"
        )
