"""What several tools share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from llmspell_kernel.errors import MissingExtraError, ParameterError

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

QUICK = 64 * 1024
"""Bytes of input up to which a linear piece of work is done on the caller's thread."""

CHUNK = 1024 * 1024

LONGEST = 300.0
"""Seconds that a call which waits for a server may take, however long it is told to wait."""


@contextmanager
def needed(tool: str, library: str) -> Iterator[None]:
    """Around imports of a library that an extra brings.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError.of(tool, library, "tools") from error


def wrong(tool: str, parameter: str, expected: str, value: object) -> ParameterError:
    """The error for a parameter with a value that is not what was expected."""
    shown = repr(value)
    return ParameterError(
        tool, [f"{parameter} must be {expected}, not {shown if len(shown) <= 80 else shown[:77] + '...'}"]
    )


def missing(tool: str, parameter: str, purpose: str) -> ParameterError:
    """The error for a parameter that was not given."""
    return ParameterError(tool, [f"{parameter} is missing: {purpose}"])


def as_bytes(tool: str, parameter: str, value: Any) -> bytes:
    """The bytes of a text, or of a string that is none.

    Raises:
        ParameterError: it is neither.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    raise wrong(tool, parameter, "a string", value)


def limited(tool: str, what: str, size: int, limit: int, setting: str = "") -> None:
    """Refuses what is too big.

    Raises:
        ParameterError: size is above the limit.
    """
    if size > limit:
        how = f"; the setting {setting} is the limit" if setting else ""
        raise ParameterError(tool, [f"{what} is {size:,}, and may be no more than {limit:,}{how}"])


def depth_of(value: Any, limit: int) -> int:
    """How deep lists and mappings are nested, or a number above the limit as soon as it is passed."""
    deepest, stack = 0, [(value, 1)]
    while stack:
        each, depth = stack.pop()
        if isinstance(each, Mapping):
            children: Any = each.values()
        elif isinstance(each, list | tuple):
            children = each
        else:
            continue
        deepest = max(deepest, depth)
        if deepest > limit:
            break
        stack.extend((child, depth + 1) for child in children)
    return deepest


def copied(made: BinaryIO, path: str, limit: int, tools: Surroundings) -> tuple[str, int]:
    """Puts what was made, from its beginning, into a file of up to `limit` bytes; answers it and its size."""
    made.seek(0)
    size = 0
    with tools.files.writing(path, limit) as target:
        while chunk := made.read(CHUNK):
            size += target.write(chunk)
    return str(tools.files.check(path)), size
