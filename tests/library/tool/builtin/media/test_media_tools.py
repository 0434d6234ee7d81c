"""image-processor, audio-processor, video-processor and pdf-processor."""

from __future__ import annotations

import io
import math
import re
import struct
import wave
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image
from pypdf import PdfWriter

from llmspell_kernel.errors import NotAllowedError, ParameterError, ToolError
from tests.library.tool.guarding import Caller, settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("media")
    Image.new("RGBA", (40, 30), (255, 0, 0, 128)).save(made / "red.png")
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "A Camera", 6
    Image.new("RGB", (40, 20), "blue").save(made / "sideways.jpg", exif=exif, dpi=(72, 72))
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
    frames[0].save(made / "two.gif", save_all=True, append_images=frames[1:])
    (made / "cut.png").write_bytes((made / "red.png").read_bytes()[:60])
    (made / "text.png").write_text("no picture")
    _write_sound(made / "tone.wav")
    _write_film(made / "film.mp4")
    (made / "cut.mp4").write_bytes((made / "film.mp4").read_bytes()[:600])
    _write_documents(made)
    return made


def _write_sound(path: Path) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(22050)
        samples = (int(9000 * math.sin(at / 10)) for at in range(22050))
        sound.writeframes(b"".join(struct.pack("<hh", each, each) for each in samples))


frame_of: Any = av.VideoFrame.from_image


def _write_film(path: Path) -> None:
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(30):
            frame = frame_of(Image.new("RGB", (64, 48), (number * 8, 0, 0)))
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))


def _page(text: str) -> bytes:
    """A document of one page with a text, by hand."""
    stream = f"BT /F1 24 Tf 20 50 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    made = b"%PDF-1.4\n"
    places = []
    for number, each in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Root 1 0 R/Size 6>>\nstartxref\n%d\n%%%%EOF" % len(made)
    return made + b"xref\n0 6\n0000000000 65535 f \n" + table + end


def _write_documents(folder: Path) -> None:
    (folder / "one.pdf").write_bytes(_page("Hello PDF"))
    writer = PdfWriter()
    for text in ("First", "Second", "Third"):
        writer.append(io.BytesIO(_page(text)))
    writer.add_blank_page(200, 100)
    writer.add_metadata({"/Title": "Three", "/Author": "Ada", "/CreationDate": "D:20240101000000Z"})
    writer.write(folder / "three.pdf")
    writer.encrypt("secret", algorithm="AES-256")
    writer.write(folder / "locked.pdf")
    (folder / "cut.pdf").write_bytes((folder / "three.pdf").read_bytes()[:300])


@pytest.fixture(scope="module")
def call(folder: Path) -> Iterator[Caller]:
    caller = Caller(settings(folder))
    yield caller
    caller.close()


@pytest.fixture(scope="module")
def image(call: Caller, folder: Path) -> Any:
    def do(operation: str, name: str, target: str = "", **more: Any) -> Any:
        if target:
            more["target_path"] = str(folder / target)
        return call("image-processor", operation=operation, file_path=str(folder / name), **more)

    return do


def test_pictures_are_detected(image: Any) -> None:
    found = image("detect", "red.png")
    assert (found["format"], found["matches"], found["supported"]) == ("png", True, True)
    wrong = image("detect", "text.png")
    assert (wrong["content_format"], wrong["extension_format"], wrong["matches"]) == (None, "png", False)


def test_what_is_no_picture_matches_nothing(image: Any, folder: Path) -> None:
    (folder / "packed.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    found = image("detect", "packed.zip")
    assert (found["format"], found["matches"], found["supported"]) == ("unknown", False, False)


def test_the_format_and_the_name_of_a_result_agree(call: Caller, image: Any, folder: Path) -> None:
    with pytest.raises(ParameterError, match=r"target_format is 'png', and target_path ends in '\.jpg'"):
        image("convert", "red.png", "red2.jpg", target_format="png")
    assert image("convert", "red.png", "red2.jpg", target_format="jpeg")["format"] == "jpeg"
    assert image("convert", "red.png", "red2.tmp", target_format="gif")["format"] == "gif"
    sound = {"operation": "convert", "file_path": str(folder / "tone.wav")}
    with pytest.raises(ParameterError, match=r"target_format is 'mp3', and target_path ends in '\.wav'"):
        call("audio-processor", **sound, target_path=str(folder / "x.wav"), target_format="mp3")
    assert not (folder / "x.wav").exists()


def test_metadata_of_pictures(image: Any) -> None:
    found = image("metadata", "red.png")
    assert {
        "format": "png",
        "width": 40,
        "height": 30,
        "mode": "RGBA",
        "has_alpha": True,
    }.items() <= found.items()
    photo = image("metadata", "sideways.jpg")
    assert photo["exif"] == {"Make": "A Camera", "Orientation": 6}
    assert photo["dpi"] == [72.0, 72.0]
    assert image("metadata", "two.gif")["frame_count"] == 2


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"width": 20}, (20, 15)),
        ({"height": 60}, (80, 60)),
        ({"width": 20, "height": 20}, (20, 15)),
        ({"width": 20, "height": 20, "maintain_aspect_ratio": False}, (20, 20)),
    ],
)
def test_resize(image: Any, folder: Path, options: dict[str, Any], size: tuple[int, int]) -> None:
    answer = image("resize", "red.png", "small.png", **options)
    assert (answer["width"], answer["height"]) == size
    assert (answer["original_width"], answer["original_height"]) == (40, 30)
    with Image.open(folder / "small.png") as made:
        assert made.size == size


@pytest.mark.parametrize("form", ["png", "jpg", "gif", "bmp", "tiff", "webp", "ico", "ppm"])
def test_convert_pictures(image: Any, folder: Path, form: str) -> None:
    answer = image("convert", "red.png", f"made.{form}")
    with Image.open(folder / f"made.{form}") as made:
        assert (made.format or "").lower() == answer["format"]
        # Half red on white where nothing can be transparent.
        if form in ("jpg", "bmp", "ppm"):
            red, green, blue = made.convert("RGB").tobytes()[:3]
            assert (red > 250, 120 < green < 135, 120 < blue < 135) == (True, True, True)
    by_name = image("convert", "red.png", "made.bin", target_format="webp")
    assert by_name["format"] == "webp"


def test_crop_rotate_thumbnail(image: Any, folder: Path) -> None:
    assert image("crop", "red.png", "c.png", x=5, y=5, width=10, height=8)["width"] == 10
    assert (image("rotate", "red.png", "r.png")["width"], image("rotate", "red.png", "r.png")["height"]) == (
        30,
        40,
    )
    turned = image("rotate", "red.png", "r.png", degrees=45)
    assert turned["width"] == turned["height"] > 45
    assert image("thumbnail", "red.png", "t.png", max_width=10, max_height=10)["height"] == 8
    assert image("thumbnail", "red.png", "t.png")["width"] == 40


def test_clockwise(image: Any, folder: Path) -> None:
    two = Image.new("RGB", (2, 1), "red")
    two.putpixel((1, 0), (0, 0, 255))
    two.save(folder / "pair.png")
    image("rotate", "pair.png", "turned.png", degrees=90)
    with Image.open(folder / "turned.png") as made:
        assert made.getpixel((0, 0)) == (255, 0, 0)


def test_photos_are_set_upright(image: Any) -> None:
    assert image("convert", "sideways.jpg", "upright.png")["height"] == 40


@pytest.mark.parametrize(
    ("operation", "name", "options", "problem"),
    [
        ("metadata", "text.png", {}, "no picture in one of the formats"),
        ("convert", "cut.png", {"target": "x.png"}, "damaged"),
        ("resize", "red.png", {"target": "x.png"}, "width is missing"),
        ("resize", "red.png", {"target": "x.png", "width": 20_000}, "tools.media.max_pixels"),
        ("crop", "red.png", {"target": "x.png", "width": 10, "height": 10, "x": 35}, "reaches to 45 x 10"),
        ("convert", "red.png", {"target": "x.exe"}, "png, jpg"),
        ("convert", "red.png", {}, "target_path"),
        ("resize", "red.png", {"target": "x.png", "width": 0}, "width"),
        ("metadata", "nowhere.png", {}, "nowhere.png"),
    ],
)
def test_wrong_pictures(image: Any, operation: str, name: str, options: dict[str, Any], problem: str) -> None:
    with pytest.raises((ToolError, NotAllowedError), match=re.escape(problem)):
        image(operation, name, **options)


def test_pixel_bombs_are_refused(image: Any, folder: Path) -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(1_000_000))
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    (folder / "bomb.png").write_bytes(bomb)
    for operation, more in (("metadata", {}), ("thumbnail", {"target": "x.png"})):
        with pytest.raises(ParameterError, match="10,000,000,000"):
            image(operation, "bomb.png", **more)


def test_formats_that_are_programs_are_not_read(image: Any, folder: Path) -> None:
    (folder / "program.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    with pytest.raises(ToolError, match="no picture"):
        image("metadata", "program.eps")


def test_sound_is_detected(call: Caller, folder: Path) -> None:
    found = call("audio-processor", operation="detect", file_path=str(folder / "tone.wav"))
    assert (found["format"], found["matches"]) == ("wav", True)
    found = call("audio-processor", operation="metadata", file_path=str(folder / "tone.wav"))
    assert {
        "codec": "pcm_s16le", "sample_rate": 22050, "channels": 2, "duration_seconds": 1.0,
        "bits_per_sample": 16,
    }.items() <= found.items()  # fmt: skip


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        ("wav", "pcm_s16le"),
        ("mp3", "mp3"),
        ("flac", "flac"),
        ("ogg", "opus"),
        ("opus", "opus"),
        ("m4a", "aac"),
    ],
)
def test_convert_sound(call: Caller, folder: Path, form: str, codec: str) -> None:
    source, target = str(folder / "tone.wav"), str(folder / f"tone2.{form}")
    answer = call("audio-processor", operation="convert", source_path=source, target_path=target)
    assert (answer["codec"], answer["format"], answer["target_path"]) == (codec, form, target)
    found = call("audio-processor", operation="metadata", file_path=target)
    assert found["codec"] == codec
    assert found["duration_seconds"] == pytest.approx(1.0, abs=0.1)
    back = str(folder / "back.wav")
    call("audio-processor", operation="convert", source_path=target, target_path=back, channels=1)
    with wave.open(back) as sound:
        assert sound.getnchannels() == 1
        samples = struct.unpack(f"<{sound.getnframes()}h", sound.readframes(sound.getnframes()))
    # It is still to be heard.
    assert 6000 < max(samples) < 12_000


def test_tags_that_are_not_utf8(call: Caller, folder: Path) -> None:
    title, sound = b"caf\xe9 \xc3\xa9\0", (folder / "tone.wav").read_bytes()
    info = b"INFOINAM" + struct.pack("<I", len(title)) + title
    chunk = b"LIST" + struct.pack("<I", len(info)) + info
    source, target = folder / "old.wav", folder / "new.mp3"
    source.write_bytes(
        sound[:4] + struct.pack("<I", len(sound) - 8 + len(chunk)) + sound[8:36] + chunk + sound[36:]
    )
    call("audio-processor", operation="convert", file_path=str(source), target_path=str(target))
    for path in (source, target):
        found = call("audio-processor", operation="metadata", file_path=str(path))
        assert found["tags"]["title"] == "caf\N{REPLACEMENT CHARACTER} é"


def test_quality_of_sound(call: Caller, folder: Path) -> None:
    answer = call(
        "audio-processor", operation="convert", file_path=str(folder / "tone.wav"),
        target_path=str(folder / "low.mp3"), sample_rate=16000, channels=1, bit_rate=32000,
    )  # fmt: skip
    assert (answer["sample_rate"], answer["channels"]) == (16000, 1)
    assert answer["file_size"] < 8000


@pytest.mark.parametrize(
    ("tool", "name", "problem"),
    [
        ("audio-processor", "film.mp4", "has no audio"),
        ("audio-processor", "text.png", "damaged, or no audio"),
        ("video-processor", "tone.wav", "has no video"),
        ("video-processor", "cut.mp4", "damaged"),
        ("video-processor", "nowhere.mp4", "nowhere.mp4"),
    ],
)
def test_wrong_media(call: Caller, folder: Path, tool: str, name: str, problem: str) -> None:
    with pytest.raises(ToolError, match=re.escape(problem)):
        call(tool, operation="metadata", file_path=str(folder / name))


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
        "v=0\nc=IN IP4 127.0.0.1\nm=audio 9999 RTP/AVP 0\n",
    ],
)
def test_playlists_open_nothing(call: Caller, folder: Path, playlist: str) -> None:
    path = folder / "list.wav"
    path.write_text(playlist.format(folder / "tone.wav"))
    with pytest.raises(ToolError, match="no audio or video"):
        call("audio-processor", operation="metadata", file_path=str(path))


def test_long_sound_is_refused(folder: Path) -> None:
    short = Caller(settings(folder, tools={"media": {"max_duration_seconds": 0.5}}))
    with pytest.raises(ParameterError, match="max_duration_seconds"):
        short(
            "audio-processor", operation="convert", file_path=str(folder / "tone.wav"),
            target_path=str(folder / "x.wav"),
        )  # fmt: skip
    assert not (folder / "x.wav").exists()
    short.close()


def test_films(call: Caller, folder: Path) -> None:
    path = str(folder / "film.mp4")
    assert call("video-processor", operation="detect", file_path=path)["format"] == "mp4"
    found = call("video-processor", operation="metadata", file_path=path)
    assert {
        "width": 64, "height": 48, "fps": 10.0, "frame_count": 30, "duration_seconds": 3.0, "codec": "h264",
        "audio": None,
    }.items() <= found.items()  # fmt: skip


@pytest.mark.parametrize("when", [0, 0.95, 2, 3])
def test_frames(call: Caller, folder: Path, when: float) -> None:
    target = str(folder / "frame.png")
    answer = call(
        "video-processor", operation="extract_frame", file_path=str(folder / "film.mp4"), target_path=target,
        timestamp_seconds=when,
    )  # fmt: skip
    assert (answer["width"], answer["height"], answer["format"]) == (64, 48, "png")
    assert answer["timestamp_seconds"] == pytest.approx(min(when, 2.9), abs=0.11)
    with Image.open(target) as picture:
        red = picture.convert("RGB").tobytes()[0]
    assert red == pytest.approx(answer["timestamp_seconds"] * 80, abs=6)


def test_thumbnail_of_a_film(call: Caller, folder: Path) -> None:
    answer = call(
        "video-processor", operation="thumbnail", file_path=str(folder / "film.mp4"),
        target_path=str(folder / "thumb.jpg"), max_width=32,
    )  # fmt: skip
    assert (answer["width"], answer["height"], answer["format"]) == (32, 24, "jpeg")
    with pytest.raises(ParameterError, match="ends after 3 s"):
        call(
            "video-processor", operation="thumbnail", file_path=str(folder / "film.mp4"),
            target_path=str(folder / "thumb.jpg"), timestamp_seconds=9,
        )  # fmt: skip


def test_media_elsewhere(call: Caller, folder: Path) -> None:
    with pytest.raises(NotAllowedError):
        call("image-processor", operation="metadata", file_path="/etc/hostname")
    with pytest.raises(NotAllowedError):
        call(
            "image-processor",
            operation="convert",
            file_path=str(folder / "red.png"),
            target_path="/etc/made.png",
        )
    with pytest.raises(ParameterError, match="file_path is missing"):
        call("video-processor", operation="metadata")


def test_text_of_documents(call: Caller, folder: Path) -> None:
    answer = call("pdf-processor", operation="extract_text", input=str(folder / "one.pdf"))
    assert answer == {"text": "Hello PDF", "page_count": 1, "pages_read": 1, "empty_pages": 0}
    three = str(folder / "three.pdf")
    answer = call("pdf-processor", operation="extract_text", input=three, start_page=2)
    assert (answer["text"], answer["pages_read"], answer["empty_pages"]) == ("Second\n\nThird", 3, 1)
    pages = call("pdf-processor", operation="extract_pages", input=three, start_page=2, end_page=3)
    assert pages == {
        "pages": [{"page": 2, "text": "Second"}, {"page": 3, "text": "Third"}], "page_count": 4,
    }  # fmt: skip


def test_metadata_of_documents(call: Caller, folder: Path) -> None:
    found = call("pdf-processor", operation="extract_metadata", input=str(folder / "three.pdf"))
    assert (found["page_count"], found["encrypted"]) == (4, False)
    assert found["page_size"] == {"width": 300.0, "height": 100.0}
    assert {"title": "Three", "author": "Ada", "creation_date": "2024-01-01T00:00:00+00:00"}.items() <= found[
        "metadata"
    ].items()


def test_locked_documents(call: Caller, folder: Path) -> None:
    path = str(folder / "locked.pdf")
    assert call("pdf-processor", input=path, password="secret")["text"].startswith("First")
    with pytest.raises(ToolError, match="give its `password`"):
        call("pdf-processor", input=path)
    with pytest.raises(ToolError, match="the password is wrong"):
        call("pdf-processor", input=path, password="guess")


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("cut.pdf", {}, "damaged"),
        ("red.png", {}, "damaged, or no PDF"),
        ("three.pdf", {"start_page": 9}, "has 4 pages"),
        ("three.pdf", {"start_page": 0}, "start_page"),
    ],
)
def test_wrong_documents(
    call: Caller, folder: Path, name: str, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ToolError, match=re.escape(problem)):
        call("pdf-processor", input=str(folder / name), **options)


def test_long_documents_are_read_in_parts(folder: Path) -> None:
    short = Caller(settings(folder, tools={"document": {"max_pages": 2}}))
    with pytest.raises(ParameterError, match=r"tools\.document\.max_pages"):
        short("pdf-processor", input=str(folder / "three.pdf"))
    assert short("pdf-processor", input=str(folder / "three.pdf"), end_page=2)["pages_read"] == 2
    short.close()


def test_documents_that_unpack_to_too_much(call: Caller, folder: Path) -> None:
    packed = zlib.compress(b"q " * 60_000_000)
    stream = b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(packed), packed)
    plain = _page("x")
    begin, end = plain.index(b"<</Length"), plain.index(b"endstream") + len(b"endstream")
    (folder / "bomb.pdf").write_bytes(plain[:begin] + stream + plain[end:])
    with pytest.raises(ToolError, match=r"bomb\.pdf is damaged|memory"):
        call("pdf-processor", input=str(folder / "bomb.pdf"))
    assert call("pdf-processor", input=str(folder / "one.pdf"))["text"] == "Hello PDF"
