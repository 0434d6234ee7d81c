"""From Lua values to what a user sees: plain text, HTML tables, and the data that values give of themselves.

Values stay on the Lua side while they are formatted, because there a nil among several values, an integer
beside a float and a metatable still exist. The work is done by `prelude/pretty.lua` (text),
`prelude/records.lua` (HTML) and `prelude/results.lua` (which of them).

The protocol for own types: a metatable with the field `__mimebundle`, a table or a function that gets the
value and returns one, optionally with a second table of metadata. It maps MIME types to data:

- JSON types (`application/json`, `*+json`): a table, or a string that is JSON text already. An empty table
  is `[]`; `setmetatable({}, {__jsontype = "object"})` is `{}`.
- pictures (but SVG), audio, video and PDF: the raw bytes, or base64 text.
- every other type: a string (or a number).

An empty table (not a function) shows nothing at all. `text/plain` is filled in where it is missing. An
error in it shows the value as text with a note.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.interpreter import MimeBundle, MimeData
from llmspell_kernel.lua.state import PRELUDE
from llmspell_kernel.lua.values import Runtime, decode, lua_type, to_python
from llmspell_kernel.records import as_dict, record

_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]+={0,2}\s*")
_TEXT = "text/plain"


@record
class DisplayLimits:
    """How much of a value is shown.

    Attributes:
        depth: nested tables are shown to this level (150 at the most), deeper ones as `{...}`.
        length: entries of one table; the rest becomes `... n more`.
        width: columns; a table that fits is written on one line.
        string_length: bytes of a string inside a table.
        bytes: of the whole text; what is cut off is noted.
    """

    depth: int = 6
    length: int = 100
    width: int = 80
    string_length: int = 1000
    bytes: int = 2 * 1024 * 1024


class ValueFormatter:
    """Formats the values of one Lua state; used on the thread that owns it.

    Showing never raises, whatever a value is or does: what cannot be shown is replaced by a text that
    says why. `limits` may be replaced at any time and counts from the next value.
    """

    def __init__(
        self, runtime: Runtime, run_chunk: Callable[..., Any], limits: DisplayLimits | None = None
    ) -> None:
        """Loads the Lua side; `run_chunk` runs a Lua file, by its path, in `runtime` (bytes encoding)."""
        self._runtime = runtime
        self._run_chunk = run_chunk
        self._lua_error: type[Exception] = sys.modules[type(runtime).__module__].LuaError
        pretty = self._load("pretty", self._load("functions"), self._load("strings"))
        results = self._load("results", pretty, self._load("records", pretty))
        self.inline = pretty[b"inline"]
        """A Lua function (value, length): a short text on one line."""
        self.raw_text = pretty[b"format_raw"]
        """A Lua function (value, options): the value as text without running its `__tostring`."""
        self._show, self._show_values = results[b"show"], results[b"show_values"]
        self._text, self._parts = results[b"text"], results[b"parts"]
        self._is_object: Callable[[Any], bool] = results[b"is_object"]
        self.limits = limits or DisplayLimits()

    def _load(self, name: str, *args: Any) -> Any:
        return self._run_chunk(f"{PRELUDE}/{name}.lua", *args)

    @property
    def limits(self) -> DisplayLimits:
        """How much of a value is shown."""
        return self._limits

    @limits.setter
    def limits(self, limits: DisplayLimits) -> None:
        self._limits = limits
        self._options = self._runtime.table_from(
            {name.encode(): value for name, value in as_dict(limits).items()}
        )

    def text(self, values: tuple[Any, ...]) -> str:
        """The values as text: on one line with tabs between them, as `print` does, or one below the other.

        lupa hands a coroutine that has not started on as its function; `format_results` shows it rightly.
        """
        try:
            return decode(self._text(self._options, *values))
        except self._lua_error as error:
            return _unshowable(error)

    def bundle(self, values: tuple[Any, ...]) -> MimeBundle:
        """The values as front ends show them; several values as one text, see `format_each`."""
        return self._bundle(self._show_values, self._options, *values)

    def format_results(self, packed: Any) -> MimeBundle:
        """Like `bundle`, for a Lua table `{n = count, ...}`: the values need not come to Python."""
        return self._bundle(self._show, packed, self._options)

    def format_each(self, packed: Any) -> list[MimeBundle]:
        """What to show one below the other for such a table: several values share a text if none has more.

        There is at least one bundle; it is empty if there is nothing to show.
        """
        try:
            parts = self._parts(packed)
        except self._lua_error:  # out of memory
            parts = None
        if parts is None:
            return [self.format_results(packed)]
        bundles = [self.format_results(part) for part in parts.values()]
        return [bundle for bundle in bundles if bundle.data] or [MimeBundle({})]

    def to_python(self, value: Any) -> Any:
        """`values.to_python` that knows `__jsontype = "object"` on empty tables.

        Raises:
            ScriptError: as `values.to_python`.
        """
        return to_python(value, self._is_object)

    def mime_data(self, data: Any) -> MimeData:
        """A Lua table of MIME types as Jupyter's `data`.

        Raises:
            ScriptError: an entry that is not what its MIME type needs.
        """
        values = {_mime_type(key): value for key, value in data.items()}
        return {name: self._mime_value(name, values[name]) for name in sorted(values)}

    def _bundle(self, show: Callable[..., Any], *args: Any) -> MimeBundle:
        try:
            text, html, data, metadata, problem = _five(show(*args))
        except self._lua_error as error:
            return MimeBundle({_TEXT: _unshowable(error)})
        if data is not None:
            try:
                return self._own_bundle(text, data, metadata)
            except ScriptError as error:
                problem = str(error).encode()
        shown: MimeData = {_TEXT: decode(text) if text is not None else _own_text(data)}
        if problem is not None:
            shown[_TEXT] += f"\n(__mimebundle failed: {decode(problem)})"
        if html is not None:
            shown["text/html"] = decode(html)
        return MimeBundle(shown)

    def _own_bundle(self, text: bytes | None, data: Any, metadata: Any) -> MimeBundle:
        shown = self.mime_data(data)
        if text is not None:
            shown[_TEXT] = decode(text)
        described = self.to_python(metadata) if metadata is not None else {}
        return MimeBundle(shown, described if isinstance(described, dict) else {})

    def _mime_value(self, mime_type: str, value: Any) -> Any:
        if _is_json(mime_type):
            return self._json_value(mime_type, value)
        if isinstance(value, bytes):
            return _as_base64(value) if _is_binary(mime_type) else decode(value)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and not _is_binary(mime_type):
            return str(value)
        kind = lua_type(value) or type(value).__name__
        raise ScriptError(f"the data of {mime_type} must be a string, not a {kind}")

    def _json_value(self, mime_type: str, value: Any) -> Any:
        if not isinstance(value, bytes):
            try:
                return self.to_python(value)
            except ScriptError as error:
                raise ScriptError(f"the data of {mime_type}: {error}") from error
        import json

        try:
            return json.loads(value)
        except ValueError as error:
            raise ScriptError(f"the data of {mime_type} is a string that is no JSON text: {error}") from error


def _five(result: Any) -> tuple[Any, ...]:
    """One result comes from lupa bare and several as a tuple; here they are always five."""
    results = result if isinstance(result, tuple) else (result,)
    return (*results, *(None,) * (5 - len(results)))


def _own_text(data: Any) -> str:
    """The text/plain that a bundle brings, where the rest of it cannot be used."""
    texts = [value for key, value in data.items() if key == _TEXT.encode() and isinstance(value, bytes)]
    return decode(texts[0]) if texts else "<no text>"


def _unshowable(error: Exception) -> str:
    reason = "not enough memory" if isinstance(error, MemoryError) else str(error).partition("\n")[0]
    return f"<the value cannot be shown: {reason}>"


def _mime_type(key: Any) -> str:
    if not isinstance(key, bytes) or b"/" not in key:
        shown = decode(key) if isinstance(key, bytes) else key
        raise ScriptError(f'{shown!r} is not a MIME type; write keys such as ["text/html"]')
    return decode(key)


def _is_json(mime_type: str) -> bool:
    kind = mime_type.partition(";")[0].strip()
    return kind == "application/json" or kind.endswith("+json")


def _is_binary(mime_type: str) -> bool:
    if mime_type.startswith("image/svg+xml"):
        return False
    return mime_type.startswith(("image/", "audio/", "video/", "application/pdf"))


def _as_base64(value: bytes) -> str:
    """Base64 text as it is, anything else encoded: no such file format begins like base64 text."""
    if _BASE64.fullmatch(value):
        return value.decode("ascii")
    import base64

    return base64.b64encode(value).decode("ascii")
