"""What sessions may be called."""

from __future__ import annotations

from collections.abc import Sequence

from llmspell_kernel.errors import NoSuchThingError, ScriptError

MAX_NAME, MAX_TAGS = 255, 100


def checked_id(session_id: str) -> str:
    """What may be an id.

    Raises:
        NoSuchThingError: it cannot be one.
    """
    if not session_id or len(session_id) > MAX_NAME or "\0" in session_id:
        raise NoSuchThingError(f"Invalid session ID {session_id[:80]!r}: Session.create() answers ids")
    return session_id


def checked_name(name: str) -> str:
    """A name that is not too long.

    Raises:
        ScriptError: it is.
    """
    if len(name) > MAX_NAME:
        raise ScriptError(
            f"a session's name has up to {MAX_NAME} characters, {name[:20]!r}... has {len(name):,}"
        )
    return name


def checked_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags, each once.

    Raises:
        ScriptError: too many, or one that is no text or too long.
    """
    if len(tags) > MAX_TAGS:
        raise ScriptError(f"a session has up to {MAX_TAGS} tags, not {len(tags):,}")
    for tag in tags:
        if not isinstance(tag, str) or not 0 < len(tag) <= MAX_NAME:
            raise ScriptError(f"a tag is a text of 1 to {MAX_NAME} characters, not {tag!r}")
    return tuple(dict.fromkeys(tags))


def jupyter_key(name: str) -> str:
    """Paths may be longer than keys."""
    if len(name.encode("utf-8", "replace")) <= MAX_NAME:
        return name.encode("utf-8", "replace").decode()
    import hashlib

    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
