"""Video."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError, ToolError
from llmspell_kernel.library.tool.builtin.media.files import (
    IMAGE_FORMATS,
    VIDEO_FORMATS,
    check_pixels,
    container_facts,
    first_stream,
    format_of_path,
    media,
    media_path,
    seconds_of,
    sniffed,
    stored,
)
from llmspell_kernel.library.tool.builtin.support import needed
from llmspell_kernel.library.tool.contract import EXAMPLE_FOLDER, Tool, operation

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

    from llmspell_kernel.library.tool.surroundings import Surroundings

_PICTURES = {end: form for end, form in IMAGE_FORMATS.items() if form in ("PNG", "JPEG", "WEBP", "BMP")}


class VideoProcessor(Tool):
    """Tells what video files are, and takes pictures out of them: MP4, MOV, Matroska, WebM, AVI, MPEG."""

    name, category, level = "video-processor", "media", "safe"
    libraries = ("av",)
    aliases = ("video",)
    runs = "process"
    time_limit = 120.0
    example: ClassVar[dict[str, Any]] = {
        "operation": "thumbnail",
        "file_path": f"{EXAMPLE_FOLDER}/red.mpg",
        "target_path": f"{EXAMPLE_FOLDER}/red.png",
    }
    example_files: ClassVar[dict[str, bytes]] = {
        "red.mpg": bytes.fromhex(
            "000001b301001013ffffe000000001b80008004000000100000ffff80000010113f294a52f1afd2e"
        )
    }

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["detect", "metadata", "thumbnail", "extract_frame"], Meta(description="What to do.")
        ] = "detect"
        file_path: Annotated[str, Meta(description="The file.")] = ""
        source_path: Annotated[str, Meta(description="The same as `file_path`.")] = ""
        target_path: Annotated[str, Meta(description="The picture to write: png, jpeg, webp or bmp.")] = ""
        timestamp_seconds: Annotated[float, Meta(description="When the picture is to be seen.", ge=0)] = 0.0
        max_width: Annotated[int, Meta(description="thumbnail: at most.", ge=1, le=10_000)] = 320
        max_height: Annotated[int, Meta(description="thumbnail: at most.", ge=1, le=10_000)] = 320

    @operation("detect")
    def detect(self, given: Parameters, tools: Surroundings) -> object:
        """By the content: {file_path, format, extension_format, matches, supported, file_size}."""
        return sniffed(self.name, given, tools, VIDEO_FORMATS)

    @operation("metadata")
    def metadata(self, given: Parameters, tools: Surroundings) -> object:
        """{format, duration_seconds, width, height, fps, frame_count, codec, audio, tags, ...}."""
        path = media_path(self.name, given)
        with media(self.name, path, tools) as (container, stream):
            seen = first_stream(self.name, path, container, "video")
            rate = seen.average_rate
            audio = None
            if container.streams.audio:
                from llmspell_kernel.library.tool.builtin.media.audio import audio_facts

                audio = audio_facts(self.name, path, container)
            duration = seconds_of(container)
            frames = seen.frames or (round(duration * float(rate)) if duration and rate else None)
            return {
                **container_facts(path, container, stream),
                "width": seen.codec_context.width,
                "height": seen.codec_context.height,
                "fps": float(rate) if rate else None,
                "frame_count": frames,
                "codec": seen.codec.canonical_name,
                "pixel_format": seen.codec_context.pix_fmt,
                "bit_rate": seen.bit_rate or container.bit_rate or None,
                "audio": audio,
            }

    @operation("thumbnail", needs=("target_path",), acts=True)
    def thumbnail(self, given: Parameters, tools: Surroundings) -> object:
        """A small picture: {target_path, width, height, timestamp_seconds, format, file_size}."""
        return self._picture(given, tools, (given.max_width, given.max_height))

    @operation("extract_frame", needs=("target_path",), acts=True)
    def extract_frame(self, given: Parameters, tools: Surroundings) -> object:
        """The picture in full size: {target_path, width, height, timestamp_seconds, format, file_size}."""
        return self._picture(given, tools, None)

    def _picture(self, given: Parameters, tools: Surroundings, fit: tuple[int, int] | None) -> object:
        path = media_path(self.name, given)
        form = format_of_path(self.name, "", given.target_path, _PICTURES)
        with needed(self.name, "Pillow"):
            from PIL import Image
        with media(self.name, path, tools) as (container, _):
            frame: Any = self._frame(path, container, given.timestamp_seconds, tools)
            image: Image.Image = frame.to_image()
            seen_at = frame.time
        if fit is not None:
            image.thumbnail(fit, Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.save(buffer, form)
        target, size = stored(buffer, given, tools)
        return {
            "operation": given.operation,
            "file_path": path,
            "target_path": target,
            "format": form.lower(),
            "width": image.width,
            "height": image.height,
            "timestamp_seconds": seen_at,
            "file_size": size,
        }

    def _frame(self, path: str, container: InputContainer, wanted: float, tools: Surroundings) -> VideoFrame:
        """The one that is seen at that time."""
        seen = first_stream(self.name, path, container, "video")
        check_pixels(self.name, seen.codec_context.width, seen.codec_context.height, tools)
        length = seconds_of(container)
        if length is not None and wanted > length:
            raise ParameterError(
                self.name, [f"timestamp_seconds is {wanted:g}, and {path} ends after {length:g} s"]
            )
        if wanted > 0 and seen.time_base:
            container.seek(int(wanted / seen.time_base), stream=seen)
        found: VideoFrame | None = None
        for frame in container.decode(seen):
            if found is not None and frame.time is not None and frame.time > wanted:
                break
            found = frame
            _ = tools.seconds_left
            if frame.time is not None and frame.time >= wanted:
                break
        if found is None:
            raise ToolError(f"{self.name}: {path} has no picture at {wanted:g} s")
        return found
