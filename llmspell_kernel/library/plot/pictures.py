"""Vega-Lite as pictures and files, through vl-convert, which is imported with the first picture.

Nothing is fetched from the network: data by URL is refused, and HTML carries its scripts in it.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.interpreter import MimeBundle

VEGALITE = "application/vnd.vegalite.v5+json"
PIP = "pip install 'llmspell-kernel[plot]'"

_SCALE = 2.0
_VERSION = "5.21"
_FORMATS = ("png", "svg", "html", "json", "pdf")


def chart_bundle(spec: Any, metadata: Mapping[str, Any] | None = None, *, png: bool = True) -> MimeBundle:
    """A specification for front ends that draw it, and a picture beside it for those that do not."""
    data: dict[str, Any] = {VEGALITE: spec, "text/plain": described(spec)}
    about: dict[str, Any] = {VEGALITE: dict(metadata)} if metadata else {}
    if png:
        try:
            picture = render_png(spec)
        except ScriptError as error:
            data["text/plain"] += f"\n(no picture: {error})"
        else:
            data["image/png"] = base64.b64encode(picture).decode("ascii")
            width, height = struct.unpack(">II", picture[16:24])
            about["image/png"] = {"width": round(width / _SCALE), "height": round(height / _SCALE)}
    return MimeBundle(data, about)


def render_png(spec: Any) -> bytes:
    """The chart as a PNG with twice the pixels it is shown with.

    Raises:
        ScriptError: vl-convert is missing or cannot draw it.
    """
    picture: bytes = _render("vegalite_to_png", spec, scale=_SCALE, allowed_base_urls=[])
    return picture


def save(spec: Any, path: Path) -> None:
    """Writes a file in the format that its extension names.

    Raises:
        ScriptError: an unknown extension, a file that cannot be written, or as `render_png`.
    """
    kind = path.suffix[1:].lower()
    if kind not in _FORMATS:
        raise ScriptError(
            f"the file {str(path)!r} must end in one of: {', '.join('.' + name for name in _FORMATS)}"
        )
    content = _content(kind, spec)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ScriptError(f"the file {str(path)!r} cannot be written: {error.strerror}") from error


def described(spec: Any) -> str:
    """One line about a chart."""
    if not isinstance(spec, dict):
        return "<chart>"
    for name, word in (("layer", "layers"), ("hconcat", "charts"), ("vconcat", "charts")):
        if isinstance(spec.get(name), list):
            return f"<chart of {len(spec[name])} {word}>"
    mark, encoding = spec.get("mark"), spec.get("encoding")
    kind = mark.get("type") if isinstance(mark, dict) else mark
    title = spec.get("title")
    axes = [
        str(channel.get("title") or channel.get("field") or channel.get("aggregate"))
        for channel in (encoding.get(name) for name in ("x", "y"))
        if isinstance(channel, dict)
    ] if isinstance(encoding, dict) else []  # fmt: skip
    values = spec.get("data", {}).get("values") if isinstance(spec.get("data"), dict) else None
    parts = [" by ".join(reversed(axes)), f"{len(values):,} points" if isinstance(values, list) else ""]
    about = ", ".join(part for part in (title if isinstance(title, str) else "", *parts) if part)
    return f"<{kind or 'Vega-Lite'} chart{': ' if about else ''}{about}>"


def _content(kind: str, spec: Any) -> bytes:
    if kind == "json":
        return json.dumps(spec, indent=2, ensure_ascii=False).encode()
    if kind == "png":
        return render_png(spec)
    options: dict[str, Any] = {"bundle": True} if kind == "html" else {"allowed_base_urls": []}
    content = _render(f"vegalite_to_{kind}", spec, **options)
    return content if isinstance(content, bytes) else content.encode()


def _render(function: str, spec: Any, **options: Any) -> Any:
    try:
        import vl_convert
    except ImportError as error:
        raise ScriptError(f"drawing pictures needs vl-convert: {PIP}") from error
    try:
        return getattr(vl_convert, function)(json.dumps(spec), vl_version=_VERSION, **options)
    except Exception as error:  # the border to another library, which raises what it likes
        lines = [line for line in str(error).splitlines() if not line.endswith(":")] or [type(error).__name__]
        raise ScriptError(f"vl-convert: {lines[0].strip()}") from error
