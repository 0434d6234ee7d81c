"""Scopes of `State`, and the text under which a store keeps a key of one.

The stored key is the scope, a colon, and the key: `global:theme`, `user:alice:theme`. A colon within a scope
other than the one before an ID is `%3A`, and the word `user` without an ID is `%user`, so that no two scopes
and keys meet in one text.
"""

from __future__ import annotations

from functools import lru_cache

from llmspell_kernel.errors import StorageKeyError

KINDS = ("user", "session", "agent", "tool", "workflow", "hook", "custom")
"""The words before the colon of scopes that have an ID: `user:alice`."""

GLOBAL = "global"
"""The scope where none is named."""


@lru_cache(maxsize=1024)
def prefix(scope: str) -> str:
    """What the stored keys of a scope begin with. Any text is a scope; `custom:` is the empty one."""
    if not scope:
        return "custom::"
    kind, colon, name = scope.partition(":")
    if kind in KINDS:
        return f"{kind}:{_escaped(name)}:" if colon else f"%{kind}:"
    return f"{_escaped(scope)}:"


def stored_key(scope: str, key: str) -> str:
    """Where the value of a key is.

    Raises:
        StorageKeyError: the key is empty.
    """
    if not key:
        raise StorageKeyError("the key is empty; name one")
    return prefix(scope) + key


def split(stored: str) -> tuple[str, str]:
    """The scope and the key of a stored key."""
    first, _, rest = stored.partition(":")
    if first not in KINDS:
        # No text is escaped to a % and a letter.
        bare = first.removeprefix("%")
        return bare if bare in KINDS else _unescaped(first), rest
    name, _, key = rest.partition(":")
    return f"{first}:{_unescaped(name)}" if name or first != "custom" else "", key


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A")


def _unescaped(text: str) -> str:
    return text.replace("%3A", ":").replace("%25", "%")
