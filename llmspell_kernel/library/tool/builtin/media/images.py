"""Pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, ClassVar, Literal

from msgspec import Meta, Struct

from llmspell_kernel.errors import ParameterError, ToolError
from llmspell_kernel.library.tool.builtin.media.files import (
    IMAGE_FORMATS,
    check_pixels,
    format_of_path,
    media_path,
    sniffed,
    stored,
)
from llmspell_kernel.library.tool.builtin.support import missing, needed
from llmspell_kernel.library.tool.contract import EXAMPLE_FOLDER, Tool, operation

if TYPE_CHECKING:
    from PIL import Image

    from llmspell_kernel.library.tool.surroundings import Surroundings

_READ = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "ICO", "PPM", "TGA")
"""Formats that are only data: others of the library start programs."""

_OPAQUE = ("JPEG", "BMP", "PPM")
MAX_SIDE = 30_000
QUALITY = 90

_Side = Annotated[int, Meta(ge=1, le=MAX_SIDE)]


class ImageProcessor(Tool):
    """Tells what pictures are, and resizes, converts, crops, rotates and shrinks them.

    Reads and writes PNG, JPEG, GIF, BMP, TIFF, WebP, ICO and PPM. A picture that a camera took sideways is
    set upright; of an animation the first frame is taken. The format of the result is `target_format`, or
    what the name of `target_path` ends in.
    """

    name, category, level = "image-processor", "media", "safe"
    libraries = ("PIL",)
    aliases = ("image",)
    runs = "process"
    example: ClassVar[dict[str, Any]] = {
        "operation": "resize",
        "file_path": f"{EXAMPLE_FOLDER}/dot.ppm",
        "target_path": f"{EXAMPLE_FOLDER}/large.png",
        "width": 64,
    }
    example_files: ClassVar[dict[str, bytes]] = {"dot.ppm": b"P6 1 1 255\n\xc8\x1e\x1e"}

    class Parameters(Struct, kw_only=True, forbid_unknown_fields=True):
        """What it takes."""

        operation: Annotated[
            Literal["detect", "metadata", "resize", "convert", "crop", "rotate", "thumbnail"],
            Meta(description="What to do."),
        ] = "detect"
        file_path: Annotated[str, Meta(description="The picture.")] = ""
        source_path: Annotated[str, Meta(description="The same as `file_path`.")] = ""
        target_path: Annotated[str, Meta(description="The file for the result.")] = ""
        target_format: Annotated[str, Meta(description="png, jpeg, gif, bmp, tiff, webp, ico or ppm.")] = ""
        width: Annotated[_Side | None, Meta(description="resize, crop: in pixels.")] = None
        height: Annotated[_Side | None, Meta(description="resize, crop: in pixels.")] = None
        x: Annotated[int, Meta(description="crop: pixels from the left.", ge=0)] = 0
        y: Annotated[int, Meta(description="crop: pixels from the top.", ge=0)] = 0
        degrees: Annotated[float, Meta(description="rotate: clockwise.", ge=-3600, le=3600)] = 90.0
        maintain_aspect_ratio: Annotated[
            bool, Meta(description="resize: whether it only has to fit into width and height.")
        ] = True
        max_width: Annotated[int, Meta(description="thumbnail: at most.", ge=1, le=MAX_SIDE)] = 200
        max_height: Annotated[int, Meta(description="thumbnail: at most.", ge=1, le=MAX_SIDE)] = 200
        quality: Annotated[int, Meta(description="Of JPEG and WebP.", ge=1, le=100)] = QUALITY

    @operation("detect")
    def detect(self, given: Parameters, tools: Surroundings) -> object:
        """By the content: {file_path, format, extension_format, matches, supported, file_size}."""
        return sniffed(self.name, given, tools, IMAGE_FORMATS)

    @operation("metadata")
    def metadata(self, given: Parameters, tools: Surroundings) -> object:
        """{format, width, height, mode, has_alpha, frame_count, dpi, exif, file_size}."""
        with self._opened(given, tools) as (image, stream):
            dpi = image.info.get("dpi")
            return {
                "file_path": media_path(self.name, given),
                "format": (image.format or "").lower(),
                "width": image.width,
                "height": image.height,
                "mode": image.mode,
                "has_alpha": image.has_transparency_data,
                "frame_count": getattr(image, "n_frames", 1),
                "dpi": [float(each) for each in dpi] if dpi else None,
                "exif": _exif(image),
                "file_size": stream.seek(0, io.SEEK_END),
            }

    @operation("resize", needs=("target_path",), acts=True)
    def resize(self, given: Parameters, tools: Surroundings) -> object:
        """To `width` and `height`, or one of them: {target_path, width, height, format, file_size, ...}."""
        with self._opened(given, tools) as (image, _):
            upright = self._upright(image)
            width, height = given.width, given.height
            if width is None and height is None:
                raise missing(self.name, "width", "how big it is to be, or height")
            across = (width or MAX_SIDE) / upright.width
            down = (height or MAX_SIDE) / upright.height
            if given.maintain_aspect_ratio or width is None or height is None:
                across = down = min(across, down)
            size = max(1, round(upright.width * across)), max(1, round(upright.height * down))
            check_pixels(self.name, *size, tools)
            return self._saved(upright.resize(size, _filter()), image, given, tools)

    @operation("convert", needs=("target_path",), acts=True)
    def convert(self, given: Parameters, tools: Surroundings) -> object:
        """To another format: {target_path, width, height, format, file_size, ...}."""
        with self._opened(given, tools) as (image, _):
            return self._saved(self._upright(image), image, given, tools)

    @operation("crop", needs=("target_path", "width", "height"), acts=True)
    def crop(self, given: Parameters, tools: Surroundings) -> object:
        """The part at `x` and `y`: {target_path, width, height, format, file_size, ...}."""
        with self._opened(given, tools) as (image, _):
            upright = self._upright(image)
            assert given.width is not None and given.height is not None
            right, bottom = given.x + given.width, given.y + given.height
            if right > upright.width or bottom > upright.height:
                raise ParameterError(
                    self.name,
                    [
                        f"the part reaches to {right} x {bottom}, and the picture is {upright.width} x "
                        f"{upright.height} pixels"
                    ],
                )
            return self._saved(upright.crop((given.x, given.y, right, bottom)), image, given, tools)

    @operation("rotate", needs=("target_path",), acts=True)
    def rotate(self, given: Parameters, tools: Surroundings) -> object:
        """By `degrees`; the picture grows as it must: {target_path, width, height, format, ...}."""
        with self._opened(given, tools) as (image, _):
            upright = self._upright(image)
            right_angle = given.degrees % 90 == 0
            if not right_angle and upright.mode in ("P", "1"):
                upright = upright.convert("RGBA")
            turned = upright.rotate(
                -given.degrees, expand=True, resample=_filter("nearest" if right_angle else "bicubic")
            )
            check_pixels(self.name, *turned.size, tools)
            return self._saved(turned, image, given, tools)

    @operation("thumbnail", needs=("target_path",), acts=True)
    def thumbnail(self, given: Parameters, tools: Surroundings) -> object:
        """Not bigger than `max_width` and `max_height`: {target_path, width, height, format, ...}."""
        with self._opened(given, tools) as (image, _):
            small = self._upright(image)
            small.thumbnail((given.max_width, given.max_height), _filter())
            return self._saved(small, image, given, tools)

    @contextmanager
    def _opened(self, given: Parameters, tools: Surroundings) -> Iterator[tuple[Image.Image, BinaryIO]]:
        with needed(self.name, "Pillow"):
            from PIL import Image, UnidentifiedImageError
        path = media_path(self.name, given)
        # It is refused here before anything is unpacked, and told of once.
        Image.MAX_IMAGE_PIXELS = None
        with tools.files.open(path, tools.settings.tools.media.max_file_size) as stream:
            try:
                with Image.open(stream, formats=_READ) as image:
                    check_pixels(self.name, *image.size, tools)
                    yield image, stream
            except UnidentifiedImageError as error:
                raise ToolError(
                    f"{self.name}: {path} is no picture in one of the formats {', '.join(_READ).lower()}"
                ) from error
            # What the decoders say of damaged data.
            except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError) as error:
                raise ToolError(
                    f"{self.name}: {path} is damaged, or cannot be written so: {error}"
                ) from error

    def _upright(self, image: Image.Image) -> Image.Image:
        from PIL import ImageOps

        turned: Image.Image = ImageOps.exif_transpose(image)
        if turned.mode in ("P", "PA") and image.format != "GIF":
            return turned.convert("RGBA" if turned.has_transparency_data else "RGB")
        if turned.mode == "P":
            return turned.convert("RGBA")
        return turned

    def _saved(self, made: Image.Image, image: Image.Image, given: Parameters, tools: Surroundings) -> object:
        form = format_of_path(self.name, given.target_format, given.target_path, IMAGE_FORMATS)
        made = _storable(made, form)
        options: dict[str, Any] = {"quality": given.quality} if form in ("JPEG", "WEBP") else {}
        buffer = io.BytesIO()
        made.save(buffer, form, **options)
        path, size = stored(buffer, given, tools)
        return {
            "operation": given.operation,
            "source_path": media_path(self.name, given),
            "target_path": path,
            "format": form.lower(),
            "width": made.width,
            "height": made.height,
            "original_width": image.width,
            "original_height": image.height,
            "file_size": size,
        }


def _filter(name: str = "lanczos") -> Any:
    from PIL import Image

    return Image.Resampling[name.upper()]


def _storable(image: Image.Image, form: str) -> Image.Image:
    """In a mode that the format has; what was transparent becomes white where nothing can be."""
    if form in _OPAQUE:
        if image.has_transparency_data:
            from PIL import Image as module

            ground = module.new("RGBA", image.size, "white")
            image = module.alpha_composite(ground, image.convert("RGBA"))
        return image if image.mode in ("L", "RGB", "1") else image.convert("RGB")
    if form == "WEBP" or form == "ICO":
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if form in ("PNG", "GIF") and image.mode not in ("1", "L", "LA", "I;16", "P", "RGB", "RGBA"):
        return image.convert("RGB")
    return image


def _exif(image: Image.Image) -> dict[str, Any]:
    from PIL import ExifTags

    found: dict[str, Any] = {}
    exif = image.getexif()
    parts = [(ExifTags.TAGS, dict(exif))]
    parts.append((ExifTags.TAGS, exif.get_ifd(ExifTags.IFD.Exif)))
    parts.append((ExifTags.GPSTAGS, exif.get_ifd(ExifTags.IFD.GPSInfo)))
    for names, entries in parts:
        for tag, value in entries.items():
            name = names.get(tag)
            if name and name not in ("ExifOffset", "GPSInfo", "MakerNote", "UserComment"):
                found[name] = _value(value)
    return found


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value[:100].decode("latin-1").strip("\0 ")
    if isinstance(value, tuple | list):
        return [_value(each) for each in value[:20]]
    if isinstance(value, str):
        return value[:1000].strip("\0 ")
    if isinstance(value, int):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return str(value)[:100]
    return number if number == number else None
