"""What tools for pictures, audio and video share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from llmspell_kernel.errors import ParameterError, ToolError
from llmspell_kernel.library.tool.builtin.support import copied, limited, missing, needed

if TYPE_CHECKING:
    from av.container import InputContainer

    from llmspell_kernel.library.tool.surroundings import Surroundings

IMAGE_FORMATS = {
    "png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "gif": "GIF", "bmp": "BMP", "tif": "TIFF", "tiff": "TIFF",
    "webp": "WEBP", "ico": "ICO", "ppm": "PPM",
}  # fmt: skip
AUDIO_FORMATS = {
    "wav": "wav", "mp3": "mp3", "flac": "flac", "ogg": "ogg", "oga": "ogg", "opus": "opus", "m4a": "m4a",
    "aac": "aac", "aif": "aiff", "aiff": "aiff", "wma": "wma",
}  # fmt: skip
VIDEO_FORMATS = {
    "mp4": "mp4", "m4v": "mp4", "mov": "mov", "mkv": "mkv", "webm": "webm", "avi": "avi", "mpg": "mpeg",
    "mpeg": "mpeg", "ts": "mpegts", "flv": "flv", "wmv": "wmv", "3gp": "3gp", "ogv": "ogv",
}  # fmt: skip

_DEMUXERS = (
    "wav,w64,mp3,flac,ogg,aac,aiff,asf,avi,flv,mpeg,mpegts,mpegvideo,gif,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,"
    "caf,au"
)
"""Only those that read one file: playlists would open others, or connections."""

_SIGNS = (
    (0, b"\x89PNG\r\n\x1a\n", "png"), (0, b"\xff\xd8\xff", "jpeg"), (0, b"GIF8", "gif"), (0, b"BM", "bmp"),
    (0, b"II*\0", "tiff"), (0, b"MM\0*", "tiff"), (8, b"WEBP", "webp"), (0, b"\0\0\1\0", "ico"),
    (0, b"P6", "ppm"), (0, b"P5", "ppm"), (8, b"WAVE", "wav"), (0, b"ID3", "mp3"), (0, b"\xff\xfb", "mp3"),
    (0, b"\xff\xf3", "mp3"), (0, b"fLaC", "flac"), (28, b"OpusHead", "opus"), (0, b"OggS", "ogg"),
    (4, b"ftypM4A", "m4a"), (4, b"ftypqt", "mov"), (4, b"ftyp3g", "3gp"), (4, b"ftyp", "mp4"),
    (0, b"\xff\xf1", "aac"), (0, b"\xff\xf9", "aac"), (8, b"AIFF", "aiff"), (8, b"AVI ", "avi"),
    (0, b"FLV", "flv"), (0, b"\0\0\1\xba", "mpeg"), (0, b"\0\0\1\xb3", "mpeg"),
    (0, b"\x30\x26\xb2\x75", "wmv"), (0, b"\x1aE\xdf\xa3", "mkv"),
)  # fmt: skip
_ALIKE = ({"mkv", "webm"}, {"wmv", "wma"}, {"mp4", "mov", "m4a", "3gp"}, {"ogg", "opus", "ogv"})


def _are_alike(one: str | None, other: str | None) -> bool:
    return one == other or any({one, other} <= names for names in _ALIKE)


def media_path(tool: str, given: Any) -> str:
    """The file that is meant, by whichever parameter.

    Raises:
        ParameterError: none is.
    """
    path = given.file_path or getattr(given, "source_path", "")
    if not path:
        raise missing(tool, "file_path", "the path of the file")
    return str(path)


def sniffed(tool: str, given: Any, tools: Surroundings, formats: Mapping[str, str]) -> dict[str, Any]:
    """What format a file has by its first bytes, and by its name."""
    path = media_path(tool, given)
    with tools.files.open(path, 0) as stream:
        head = stream.read(64)
        size = stream.seek(0, os.SEEK_END)
    found = next((name for at, sign, name in _SIGNS if head[at : at + len(sign)] == sign), None)
    if found == "mkv" and b"webm" in head:
        found = "webm"
    extension = path.rpartition(".")[2].lower() if "." in path else ""
    named = formats[extension].lower() if extension in formats else None
    known = {name.lower() for name in formats.values()}
    alike = found is not None and _are_alike(found, named)
    return {
        "file_path": path,
        "format": (named if alike else found) or named or "unknown",
        "content_format": found,
        "extension_format": named,
        "matches": alike,
        "supported": found in known or (named in known and alike),
        "file_size": size,
    }


def format_of_path(tool: str, wanted: str, path: str, formats: Mapping[str, str]) -> str:
    """The format of a result, by its name or by that of the file.

    Raises:
        ParameterError: it is none that can be written.
    """
    name = (wanted or (path.rpartition(".")[2] if "." in path else "")).lower().lstrip(".")
    if name not in formats:
        parameter = "target_format" if wanted or not name else "the end of target_path"
        raise ParameterError(tool, [f"{parameter} must be one of {', '.join(formats)}, not {name!r}"])
    ending = path.rpartition(".")[2].lower()
    if ending in formats and not _are_alike(formats[ending], formats[name]):
        raise ParameterError(
            tool,
            [f"target_format is {name!r}, and target_path ends in {'.' + ending!r}: leave one of them out"],
        )
    return formats[name]


@contextmanager
def media(tool: str, path: str, tools: Surroundings) -> Iterator[tuple[InputContainer, BinaryIO]]:
    """A file of audio or video, open for reading.

    Raises:
        ToolError: it is none, or damaged.
    """
    with needed(tool, "PyAV"):
        import av
    av.logging.set_level(None)
    options = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "none"}
    # From version 19 on it does so by itself, and takes no such parameter.
    tagging: dict[str, Any] = {"metadata_errors": "surrogateescape"} if _major(av.__version__) < 19 else {}
    with tools.files.open(path, tools.settings.tools.media.max_file_size) as stream:
        try:
            with av.open(stream, "r", options=options, **tagging) as container:
                yield container, stream
        except (av.FFmpegError, ValueError, EOFError) as error:
            said = getattr(error, "strerror", None) or error
            raise ToolError(
                f"{tool}: {path} is damaged, or no audio or video that is known: {said}"
            ) from error


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def tags(container: InputContainer) -> dict[str, str]:
    """What it says of itself; what is no UTF-8 there is replaced."""
    return {
        name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"): (
            value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        )
        for name, value in container.metadata.items()
    }


def container_facts(path: str, container: InputContainer, stream: BinaryIO) -> dict[str, Any]:
    """What can be told of a file of audio or video, whatever is in it; `file_size` in bytes."""
    return {
        "file_path": path,
        "format": container.format.name,
        "duration_seconds": seconds_of(container),
        "tags": {name.lower(): value[:1000] for name, value in tags(container).items()},
        "file_size": stream.seek(0, os.SEEK_END),
    }


def seconds_of(container: InputContainer) -> float | None:
    """How long it lasts, if it says so."""
    return container.duration / 1_000_000 if container.duration else None


def first_stream(tool: str, path: str, container: InputContainer, kind: Literal["audio", "video"]) -> Any:
    """The first stream of a kind.

    Raises:
        ToolError: there is none, or nothing can read it.
    """
    found: Any = next(iter(getattr(container.streams, kind)), None)
    if found is None:
        raise ToolError(f"{tool}: {path} has no {kind}")
    if found.codec_context is None:
        raise ToolError(f"{tool}: {path} has {kind} in a codec that is not known")
    return found


def check_pixels(tool: str, width: int, height: int, tools: Surroundings) -> None:
    """Refuses pictures that are too big.

    Raises:
        ParameterError: this one is.
    """
    limit = tools.settings.tools.media.max_pixels
    limited(tool, "the number of pixels", width * height, limit, "tools.media.max_pixels")


def stored(made: BinaryIO, given: Any, tools: Surroundings) -> tuple[str, int]:
    """Puts what was made into the file `target_path`; answers it and its size."""
    return copied(made, given.target_path, tools.settings.tools.media.max_file_size, tools)
