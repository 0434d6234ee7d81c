"""Bundles for text in a markup language, pictures, sound and film.

Each bundle has a text/plain for front ends that show nothing else. A file's type is found by its first
bytes, then by the name's extension.
"""

from __future__ import annotations

import base64
import html
import json
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmspell_kernel.errors import NotAllowedError, ScriptError
from llmspell_kernel.interpreter import MimeBundle

MARKUP = {
    "html": "text/html",
    "markdown": "text/markdown",
    "latex": "text/latex",
    "svg": "image/svg+xml",
}
"""Kinds whose source is text."""

PICTURES = {"image": "image/", "png": "image/png", "jpeg": "image/jpeg"}
"""Kinds that are pictures, and how their MIME type must begin."""

_DRAWN = ("image/png", "image/jpeg", "image/gif")
"""The picture formats that notebooks draw by MIME type."""

FILMS = {"audio": "audio/", "video": "video/"}
"""Kinds that are shown by an HTML element of the same name."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"RIFF....WAVE", "audio/wav"),
    (rb"BM....\x00\x00\x00\x00", "image/bmp"),
    (rb"....ftypavif", "image/avif"),
    (rb"....ftypM4A", "audio/mp4"),
    (rb"....ftyp", "video/mp4"),
    (rb"\x1aE\xdf\xa3", "video/webm"),
    (rb"OggS.{24}.\x80theora", "video/ogg"),
    (rb"OggS", "audio/ogg"),
    (rb"ID3|\xff[\xf2\xf3\xfb]", "audio/mpeg"),
    (rb"fLaC", "audio/flac"),
    (rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]", "image/svg+xml"),
)
_SNIFFED = tuple((re.compile(pattern, re.DOTALL), mime_type) for pattern, mime_type in _MAGIC)
_URL = re.compile(r"(https?|data):", re.IGNORECASE)
_TAG = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class MediaOptions:
    """How something is shown.

    Attributes:
        width: pixels.
        height: pixels.
        metadata: further metadata of the main MIME type.
        files: whether a source may be a path.
    """

    width: float | None = None
    height: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    files: bool = True

    @property
    def size(self) -> dict[str, float]:
        """The sizes that are given."""
        sizes = {"width": self.width, "height": self.height}
        return {name: value for name, value in sizes.items() if value is not None}


def markup(kind: str, source: str, options: MediaOptions | None = None) -> MimeBundle:
    """Text in the language `kind`, a key of `MARKUP`."""
    options = options or MediaOptions()
    mime_type = MARKUP[kind]
    if kind == "html":
        plain = re.sub(r"\s*\n\s*", "\n", html.unescape(_TAG.sub("", source))).strip() or "<HTML>"
    elif kind == "svg":
        plain = f"<SVG, {len(source):,} characters>"
    else:
        plain = source
    return _described({mime_type: source, "text/plain": plain}, mime_type, options)


def picture(kind: str, source: bytes, options: MediaOptions | None = None) -> MimeBundle:
    """A picture from bytes, a path or a URL; `kind` is a key of `PICTURES`.

    Raises:
        ScriptError: no such file, or not a picture of that kind.
    """
    options = options or MediaOptions()
    if url := _as_url(source):
        return MimeBundle({"text/html": _element("img", url, options), "text/plain": f"<image at {url}>"})
    data, mime_type = _loaded(kind, source, PICTURES[kind], files=options.files)
    if mime_type == "image/svg+xml":
        return markup("svg", data.decode("utf-8", "backslashreplace"), options)
    encoded = base64.b64encode(data).decode("ascii")
    bundle = {mime_type: encoded, "text/plain": f"<{mime_type}, {len(data):,} bytes>"}
    if mime_type not in _DRAWN:
        url = f"data:{mime_type};base64,{encoded}"
        bundle = {"text/html": _element("img", url, options), "text/plain": bundle["text/plain"]}
    return _described(bundle, mime_type, options)


def film(kind: str, source: bytes, options: MediaOptions | None = None) -> MimeBundle:
    """Sound or film with the browser's controls, from bytes, a path or a URL; `kind` is a key of `FILMS`.

    Raises:
        ScriptError: no such file, or not of that kind.
    """
    options = options or MediaOptions()
    url = _as_url(source)
    plain = f"<{kind} at {url}>"
    if url is None:
        data, mime_type = _loaded(kind, source, FILMS[kind], files=options.files)
        plain = f"<{mime_type}, {len(data):,} bytes>"
        url = f"data:{mime_type};base64,{base64.b64encode(data).decode('ascii')}"
    return _described({"text/html": _element(kind, url, options), "text/plain": plain}, "text/html", options)


def json_tree(value: Any, metadata: Mapping[str, Any], *, expanded: bool = False) -> MimeBundle:
    """JSON data as a tree that can be folded, at first open or shut."""
    plain = json.dumps(value, indent=2, ensure_ascii=False)
    data = {"application/json": value, "text/plain": plain}
    return MimeBundle(data, {"application/json": {"expanded": expanded, **metadata}})


def _described(data: dict[str, Any], mime_type: str, options: MediaOptions) -> MimeBundle:
    metadata = {**options.size, **options.metadata}
    return MimeBundle(data, {mime_type: metadata} if metadata else {})


def _element(name: str, url: str, options: MediaOptions) -> str:
    sizes = "".join(f' {key}="{value:g}"' for key, value in options.size.items())
    end = "" if name == "img" else f" controls></{name}"
    return f'<{name} src="{html.escape(url)}"{sizes}{end}>'


def _as_url(source: bytes) -> str | None:
    text = source[:8].decode("ascii", "replace")
    return source.decode("utf-8", "backslashreplace").strip() if _URL.match(text) else None


def _loaded(kind: str, source: bytes, expected: str, *, files: bool) -> tuple[bytes, str]:
    """The bytes and their MIME type, which begins with `expected`."""
    mime_type = _sniff(source)
    if mime_type is None:
        path = _path(kind, source)
        if not files:
            raise NotAllowedError(NotAllowedError.FILES)
        source = _read(kind, path)
        mime_type = _sniff(source) or mimetypes.guess_type(path.name)[0]
        if mime_type is None or not mime_type.startswith(expected):
            raise ScriptError(
                f"bad argument 'source' to 'display.{kind}' (the file {str(path)!r} is "
                f"{mime_type or 'of an unknown type'}, not {expected.rstrip('/')})"
            )
    elif not mime_type.startswith(expected):
        raise ScriptError(
            f"bad argument 'source' to 'display.{kind}' "
            f"(the bytes are {mime_type}, not {expected.rstrip('/')})"
        )
    return source, mime_type


def _path(kind: str, source: bytes) -> Path:
    if not source or len(source) > _LONGEST_PATH or b"\0" in source or b"\n" in source:
        raise ScriptError(
            f"bad argument 'source' to 'display.{kind}' (neither a path nor the bytes of a known format: "
            f"{source[:20]!r}, {len(source):,} bytes)"
        )
    return Path(source.decode("utf-8", "surrogateescape")).expanduser()


def _read(kind: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        shown = str(path).encode(errors="replace").decode()
        raise ScriptError(
            f"bad argument 'source' to 'display.{kind}' (the file {shown!r} cannot be read: {error.strerror})"
        ) from error


def _sniff(data: bytes) -> str | None:
    head = data[:1024]
    return next((mime_type for pattern, mime_type in _SNIFFED if pattern.match(head)), None)
