"""Audio."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, ClassVar, Literal, NamedTuple

from msgspec import Meta, Struct

from llmspell_kernel.library.tool.builtin.media.files import (
    AUDIO_FORMATS,
    container_facts,
    first_stream,
    format_of_path,
    media,
    media_path,
    sniffed,
    stored,
    tags,
)
from llmspell_kernel.library.tool.builtin.support import limited
from llmspell_kernel.library.tool.contract import EXAMPLE_FOLDER, Tool, operation

if TYPE_CHECKING:
    from av.container import InputContainer

    from llmspell_kernel.library.tool.surroundings import Surroundings


class _Coding(NamedTuple):
    """How a format is written: container and codec of FFmpeg, sample format, and rates if not any will do."""

    container: str
    codec: str
    samples: str
    rates: tuple[int, ...] = ()


_CODINGS = {
    "wav": _Coding("wav", "pcm_s16le", "s16"),
    "mp3": _Coding(
        "mp3", "libmp3lame", "s16p", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
    ),
    "flac": _Coding("flac", "flac", "s16"),
    "ogg": _Coding("ogg", "libopus", "s16", (8000, 12000, 16000, 24000, 48000)),
    "opus": _Coding("opus", "libopus", "s16", (8000, 12000, 16000, 24000, 48000)),
    "m4a": _Coding("ipod", "aac", "fltp", (8000, 11025, 16000, 22050, 32000, 44100, 48000)),
}


class AudioProcessor(Tool):
    """Tells what audio files are, and converts them: WAV, MP3, FLAC, Ogg (Opus), M4A."""

    name, category, level = "audio-processor", "media", "safe"
    libraries = ("av",)
    aliases = ("audio",)
    runs = "process"
    time_limit = 120.0
    example: ClassVar[dict[str, Any]] = {
        "operation": "convert",
        "file_path": f"{EXAMPLE_FOLDER}/silence.wav",
        "target_path": f"{EXAMPLE_FOLDER}/silence.flac",
    }
    example_files: ClassVar[dict[str, bytes]] = {
        "silence.wav": b"RIFF,\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0@\x1f\0\0\1\0\x08\0"
        b"data\x08\0\0\0\x80\x80\x80\x80\x80\x80\x80\x80",
    }

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[Literal["detect", "metadata", "convert"], Meta(description="What to do.")] = (
            "detect"
        )
        file_path: Annotated[str, Meta(description="The file.")] = ""
        source_path: Annotated[str, Meta(description="The same as `file_path`.")] = ""
        target_path: Annotated[str, Meta(description="convert: the file for the result.")] = ""
        target_format: Annotated[
            str, Meta(description="convert: wav, mp3, flac, ogg, opus or m4a; as target_path ends.")
        ] = ""
        sample_rate: Annotated[
            Annotated[int, Meta(ge=8000, le=192_000)] | None, Meta(description="convert: samples a second.")
        ] = None
        channels: Annotated[Literal[1, 2] | None, Meta(description="convert: mono or stereo.")] = None
        bit_rate: Annotated[
            Annotated[int, Meta(ge=8000, le=512_000)] | None,
            Meta(description="convert: bits a second, where some are lost."),
        ] = None

    @operation("detect")
    def detect(self, given: Parameters, tools: Surroundings) -> object:
        """By the content: {file_path, format, extension_format, matches, supported, file_size}."""
        return sniffed(self.name, given, tools, AUDIO_FORMATS)

    @operation("metadata")
    def metadata(self, given: Parameters, tools: Surroundings) -> object:
        """{format, codec, duration_seconds, sample_rate, channels, bit_rate, tags, file_size}."""
        path = media_path(self.name, given)
        with media(self.name, path, tools) as (container, stream):
            return {
                **container_facts(path, container, stream),
                **audio_facts(self.name, path, container),
            }

    @operation("convert", needs=("target_path",), acts=True)
    def convert(self, given: Parameters, tools: Surroundings) -> object:
        """To another format: {target_path, format, codec, duration_seconds, sample_rate, channels}."""
        path = media_path(self.name, given)
        known = {end: name for end, name in AUDIO_FORMATS.items() if name in _CODINGS}
        form = format_of_path(self.name, given.target_format, given.target_path, known)
        with media(self.name, path, tools) as (container, _), tempfile.TemporaryFile() as made:
            facts = self._converted(container, made, _CODINGS[form], given, tools)
            target, size = stored(made, given, tools)
        return {"source_path": path, "target_path": target, "format": form, **facts, "file_size": size}

    def _converted(
        self, source: InputContainer, made: BinaryIO, coding: _Coding, given: Parameters, tools: Surroundings
    ) -> dict[str, Any]:
        import av

        heard = first_stream(self.name, media_path(self.name, given), source, "audio")
        rate = _nearest(given.sample_rate or heard.codec_context.sample_rate or 44_100, coding.rates)
        count = given.channels or (1 if heard.codec_context.channels == 1 else 2)
        layout = "mono" if count == 1 else "stereo"
        limit = tools.settings.tools.media.max_duration_seconds
        resampler = av.AudioResampler(format=coding.samples, layout=layout, rate=rate)
        written = 0
        with av.open(made, "w", format=coding.container) as target:
            stream: Any = target.add_stream(coding.codec, rate=rate)
            stream.codec_context.layout = layout
            stream.codec_context.format = coding.samples
            if given.bit_rate and coding.codec not in ("pcm_s16le", "flac"):
                stream.codec_context.bit_rate = given.bit_rate
            target.metadata.update(tags(source))
            for frame in source.decode(heard):
                frame.pts = None
                for part in resampler.resample(frame):
                    written += part.samples
                    limited(self.name, "the duration in seconds", written // rate, int(limit),
                            "tools.media.max_duration_seconds")  # fmt: skip
                    target.mux(stream.encode(part))
            for part in resampler.resample(None):
                written += part.samples
                target.mux(stream.encode(part))
            target.mux(stream.encode(None))
        return {
            "codec": stream.codec.canonical_name,
            "duration_seconds": written / rate,
            "sample_rate": rate,
            "channels": count,
        }


def audio_facts(tool: str, path: str, container: InputContainer) -> dict[str, Any]:
    """The first audio stream.

    Raises:
        ToolError: there is none, or nothing can read it.
    """
    heard = first_stream(tool, path, container, "audio")
    context = heard.codec_context
    exact = context.codec.canonical_name.startswith(("pcm", "flac"))
    bits = context.format.bits if exact and context.format else None
    return {
        "codec": context.codec.canonical_name,
        "sample_rate": context.sample_rate,
        "channels": context.channels,
        "layout": context.layout.name,
        "bit_rate": heard.bit_rate or container.bit_rate or None,
        "bits_per_sample": bits,
    }


def _nearest(rate: int, rates: tuple[int, ...]) -> int:
    """The lowest that loses nothing, else the highest."""
    return next((each for each in rates if each >= rate), rates[-1]) if rates else rate
