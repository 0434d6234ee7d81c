"""Text files in another encoding, with other line endings, with another indentation."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import ToolError
from llmspell_kernel.library.tool.contract import EXAMPLE_FOLDER, Tool, operation

if TYPE_CHECKING:
    from llmspell_kernel.library.tool.surroundings import Surroundings

_ENDINGS = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""What marks an encoding at the beginning of a file; the longer ones first, as one begins like another."""

_LINE_END = re.compile("\r\n|\r|\n")


class FileConverter(Tool):
    """Converts the encoding, the line endings or the indentation of text files.

    The result takes the place of the file, or goes to `target_path`. Encodings are those of Python; what
    cannot be converted without loss is refused, and nothing has changed then.
    """

    name, category, level = "file-converter", "filesystem", "restricted"
    runs = "thread"
    example: ClassVar[dict[str, Any]] = {
        "operation": "indentation",
        "path": f"{EXAMPLE_FOLDER}/hello.lua",
        "tab_size": 2,
    }
    example_files: ClassVar[dict[str, bytes]] = {"hello.lua": b"if true then\n\tprint('hello')\nend\n"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["encoding", "line_endings", "indentation"], Meta(description="What to convert.")
        ]
        path: Annotated[str, Meta(min_length=1, description="The file.")]
        target_path: Annotated[str, Meta(description="Where the result goes; over the file if empty.")] = ""
        from_encoding: Annotated[
            str,
            Meta(description="The encoding of the file; if empty, what a mark at its start says, or UTF-8."),
        ] = ""
        to_encoding: Annotated[str, Meta(description="The encoding of the result.")] = "utf-8"
        line_ending: Annotated[
            Literal["lf", "crlf", "cr"],
            Meta(description="What ends lines: `lf` on Unix and macOS, `crlf` on Windows."),
        ] = "lf"
        convert_to_spaces: Annotated[
            bool, Meta(description="Whether tabs become spaces; otherwise spaces become tabs.")
        ] = True
        tab_size: Annotated[int, Meta(ge=1, le=64, description="Spaces that a tab stands for.")] = 4

    @operation("encoding", acts=True)
    def encoding(self, given: Parameters, tools: Surroundings) -> object:
        """Changes the encoding: {input_path, output_path, operation, from_encoding, to_encoding, size}."""
        data = tools.files.read_bytes(given.path)
        source = self._codec(given.from_encoding or _marked(data) or "utf-8")
        target = self._codec(given.to_encoding)
        text = self._decoded(data, source, given.path)
        try:
            converted = text.encode(target)
        except UnicodeError as error:
            start = getattr(error, "start", None)
            where = "" if start is None else f": {text[start]!r} at character {start}"
            raise ToolError(f"{self.name}: {target} cannot express {given.path!r}{where}") from None
        return self._written(given, tools, converted, from_encoding=source, to_encoding=target)

    @operation("line_endings", acts=True)
    def line_endings(self, given: Parameters, tools: Surroundings) -> object:
        """Changes what ends lines: {input_path, output_path, operation, line_ending, lines, size}."""
        text, encoding = self._text(given, tools)
        parts = _LINE_END.split(text)
        converted = _ENDINGS[given.line_ending].decode().join(parts)
        return self._written(
            given, tools, converted.encode(encoding), line_ending=given.line_ending, lines=len(parts) - 1
        )

    @operation("indentation", acts=True)
    def indentation(self, given: Parameters, tools: Surroundings) -> object:
        """Changes tabs at the starts of lines to spaces, or back: {..., changed_lines, size}."""
        text, encoding = self._text(given, tools)
        changed = 0

        def indented(found: re.Match[str]) -> str:
            nonlocal changed
            width = len(found[0].expandtabs(given.tab_size))
            tabs, spaces = (0, width) if given.convert_to_spaces else divmod(width, given.tab_size)
            new = "\t" * tabs + " " * spaces
            changed += new != found[0]
            return new

        converted = re.sub(r"(?:\A|(?<=[\r\n]))[\t ]+", indented, text)
        return self._written(given, tools, converted.encode(encoding), changed_lines=changed)

    def _text(self, given: Parameters, tools: Surroundings) -> tuple[str, str]:
        """The file's text and its encoding; one that keeps each byte as it is, if none is known."""
        data = tools.files.read_bytes(given.path)
        encoding = self._codec(given.from_encoding or _marked(data) or "latin-1")
        return self._decoded(data, encoding, given.path), encoding

    def _codec(self, name: str) -> str:
        try:
            found = codecs.lookup(name)
            # Python's own word for those that are about text.
            if not getattr(found, "_is_text_encoding", True):
                raise LookupError
        except (LookupError, ValueError):
            raise ToolError(
                f"{self.name}: no encoding is called {name!r}; try utf-8, utf-16, latin-1, cp1252"
            ) from None
        return name if name.lower().replace("_", "-") == "utf-8-sig" else found.name

    def _decoded(self, data: bytes, encoding: str, path: str) -> str:
        try:
            return data.decode(encoding)
        except UnicodeError as error:
            start = getattr(error, "start", None)
            where = "" if start is None else f" at byte {start}"
            raise ToolError(
                f"{self.name}: {path!r} is not {encoding}{where}; name its encoding in from_encoding"
            ) from None

    def _written(self, given: Parameters, tools: Surroundings, data: bytes, **facts: Any) -> object:
        target = given.target_path or given.path
        tools.files.write_bytes(target, data)
        return {
            "input_path": given.path,
            "output_path": target,
            "operation": given.operation,
            "size": len(data),
            **facts,
        }


def _marked(data: bytes) -> str | None:
    return next((encoding for mark, encoding in _MARKS.items() if data.startswith(mark)), None)
