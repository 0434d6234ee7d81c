"""`display` as a client of the kernel sees it."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from llmspell_kernel.errors import ScriptError
from llmspell_kernel.library.display import media
from llmspell_kernel.library.display.progress import ProgressBar

from ..kernels import Execution, KernelSession

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00;"


def ids(execution: Execution, msg_type: str) -> list[str]:
    return [message["content"]["transient"]["display_id"] for message in execution.of_type(msg_type)]


def updates(execution: Execution) -> list[dict[str, Any]]:
    return [message["content"]["data"] for message in execution.of_type("update_display_data")]


def test_each_value_is_shown_in_its_richest_form(kernel: KernelSession) -> None:
    done = kernel.execute("display(1, nil, {{a = 1}, {a = 2}})")
    plain = [data["text/plain"] for data in done.displayed]
    assert plain[:2] == ["1", "nil"]
    assert "<table" in done.displayed[2]["text/html"]
    assert done.result is None, "the handles are no result"


@pytest.mark.parametrize("name", ["llmspell-lua55", "llmspell-luajit"])
def test_every_lua_has_it(name: str, new_kernel: Any) -> None:
    kernel = new_kernel(name)
    assert kernel.execute("display(1, 2)").displayed == [{"text/plain": "1"}, {"text/plain": "2"}]
    done = kernel.execute("for i, v in display.progress({5, 6}, 'work') do print(i, v) end")
    assert done.stdout == "1\t5\n2\t6\n" and "2/2" in updates(done)[-1]["text/plain"]
    assert kernel.execute("plot.defaults.png = false return plot.line{1, 2}").result is not None
    assert kernel.execute("timer.after(60, print):cancel()").result == "true"


@pytest.mark.parametrize(
    ("call", "mime_type", "data"),
    [
        ("html('<b>hi</b> &amp; you')", "text/html", "<b>hi</b> &amp; you"),
        ("markdown('# hi')", "text/markdown", "# hi"),
        ("latex('$x$')", "text/latex", "$x$"),
        ("svg('<svg/>')", "image/svg+xml", "<svg/>"),
        ("json({a = {1, 2}})", "application/json", {"a": [1, 2]}),
        ("json('[1, null]')", "application/json", [1, None]),
        ("bundle{['text/html'] = 'x'}", "text/html", "x"),
        (
            "vegalite{mark = 'point', data = {values = {{}}}}",
            "application/vnd.vegalite.v5+json",
            {"mark": "point", "data": {"values": [[]]}},
        ),
    ],
)
def test_markup_and_data(kernel: KernelSession, call: str, mime_type: str, data: Any) -> None:
    done = kernel.execute(f"display.{call}")
    [shown] = done.displayed
    assert shown[mime_type] == data
    assert shown["text/plain"]
    assert done.result is None


def test_html_has_a_readable_text(kernel: KernelSession) -> None:
    [shown] = kernel.execute("display.html('<style>b {}</style><b>hi</b> &amp; you')").displayed
    assert shown["text/plain"] == "hi & you"


def test_pictures_from_bytes_and_files(kernel: KernelSession, tmp_path: Path) -> None:
    (tmp_path / "dot").write_bytes(PNG)
    code = (
        f"local path = {str(tmp_path / 'dot')!r}\n"
        "display.image(path, {width = 40})\n"
        "display.png(io.open(path, 'rb'):read('a'))"
    )
    done = kernel.execute(code)
    assert [base64.b64decode(data["image/png"]) for data in done.displayed] == [PNG, PNG]
    assert done.of_type("display_data")[0]["content"]["metadata"] == {"image/png": {"width": 40}}


def test_media_are_told_apart_by_content_then_by_name(tmp_path: Path) -> None:
    assert "image/gif" in media.picture("image", GIF).data
    assert "data:image/webp;base64," in media.picture("image", b"RIFF0000WEBP").data["text/html"]
    assert (
        media.picture("image", b"<?xml version='1.0'?>\n<svg></svg>").data["image/svg+xml"].endswith("</svg>")
    )
    (tmp_path / "song.mp3").write_bytes(b"no known beginning")
    sound = media.film("audio", str(tmp_path / "song.mp3").encode()).data["text/html"]
    assert sound.startswith('<audio src="data:audio/mpeg;base64,') and " controls>" in sound
    film = media.film("video", b"https://example.org/a.mp4?a&b", media.MediaOptions(width=320)).data[
        "text/html"
    ]
    assert film == '<video src="https://example.org/a.mp4?a&amp;b" width="320" controls></video>'
    with pytest.raises(ScriptError, match=r"the bytes are image/gif, not image/png"):
        media.picture("png", GIF)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("display()", "'value' to 'display'"),
        ("display.html()", "'text' to 'display.html' (string expected, got no value)"),
        ("display.html({})", "'text' to 'display.html' (string expected, got table)"),
        ("display.html('x', 3)", "'options' to 'display.html' (table expected, got number)"),
        ("display.html('x', {wdith = 3})", "no option 'wdith'; it takes id, metadata"),
        ("display.png('x', {width = 'a'})", "'width' to 'display.png' (number expected, got string)"),
        (
            "display.image('/no/such.png')",
            "'source' to 'display.image' (the file '/no/such.png' cannot be read",
        ),
        ("display.image('\\0\\1')", "neither a path nor the bytes of a known format"),
        ("display.json(print)", "'value' to 'display.json'"),
        ("display.json('{')", "no JSON text"),
        ("display.bundle({a = 1})", "'a' is not a MIME type"),
        ("display.clear(1)", "'wait' to 'display.clear' (boolean expected, got number)"),
        ("display.update(3, 'x')", "'id' to 'display.update' (string expected, got number)"),
        ("display.progress(-1)", "'iterable' to 'display.progress'"),
        ("display.progress(true)", "number, table or iterator expected, got boolean"),
        ("display.progress(3, {})", "'label' to 'display.progress' (string expected, got table)"),
        ("display.progress(3).advance()", "'self' to 'bar:advance'"),
    ],
)
def test_wrong_arguments_are_named(kernel: KernelSession, code: str, problem: str) -> None:
    error = kernel.execute(code).error
    assert error is not None
    assert problem in error["evalue"]
    assert re.match(r"cell \[\d+\]:1: ", error["evalue"]), "the position of the user's code"


def test_a_handle_replaces_what_it_shows(kernel: KernelSession) -> None:
    first = kernel.execute("h = display.html('<b>1</b>')")
    second = kernel.execute(
        "h:update('<b>2</b>')\nh:update({1})\ndisplay.update(h.id, 'text')\ndisplay.update(h, 5)"
    )
    assert ids(second, "update_display_data") == ids(first, "display_data") * 4
    assert [data["text/plain"] for data in updates(second)] == ["2", "{1}", '"text"', "5"]
    assert "text/html" not in updates(second)[1]
    assert kernel.execute("h").of_type("execute_result") == []
    again = kernel.execute("h:display('<b>3</b>')")
    assert ids(again, "display_data") == ids(first, "display_data")


def test_ids_can_be_chosen(kernel: KernelSession) -> None:
    assert ids(kernel.execute("display.markdown('x', {id = 'mine'})"), "display_data") == ["mine"]
    assert ids(kernel.execute("display.new('mine'):update(3)"), "update_display_data") == ["mine"]
    other = kernel.execute("h = display.new() h:display(1) h:update(2)")
    assert ids(other, "display_data") == ids(other, "update_display_data") != ["mine"]


def test_clear(kernel: KernelSession) -> None:
    done = kernel.execute("display.clear() display.clear(true) display.clear{wait = true} display.clear{}")
    assert [m["content"]["wait"] for m in done.of_type("clear_output")] == [False, True, True, False]


@pytest.mark.parametrize(
    ("loop", "printed", "count"),
    [
        ("for i in display.progress(3, 'work') do io.write(i, ' ') end", "1 2 3 ", "3/3"),
        ("for i, v in display.progress({'a', 'b'}, 'work') do io.write(i, v, ' ') end", "1a 2b ", "2/2"),
        (
            "for i, v in display.progress('work', ipairs{'a', 'b'}) do io.write(i, v, ' ') end",
            "1a 2b ",
            "2/2",
        ),
        ("for k, v in display.progress('work', pairs{a = 1}) do io.write(k, v, ' ') end", "a1 ", "1/1"),
        ("for w in display.progress(('a b'):gmatch('%a'), 'work') do io.write(w, ' ') end", "a b ", "2"),
        ("for _ in display.progress(0, 'work') do io.write('never') end", "", "0/0"),
    ],
)
def test_progress_counts_every_kind_of_loop(
    kernel: KernelSession, loop: str, printed: str, count: str
) -> None:
    done = kernel.execute(loop)
    assert done.stdout == printed
    assert ids(done, "display_data") * len(updates(done)) == ids(done, "update_display_data")
    last = updates(done)[-1]
    assert last["text/plain"].startswith("work")
    assert re.search(rf"(^|\D){re.escape(count)}( |$)", last["text/plain"])
    assert count in last["text/html"] and "success" in last["text/html"]


def test_a_fast_loop_draws_seldom(kernel: KernelSession) -> None:
    done = kernel.execute("for i in display.progress(300000) do end")
    assert "300,000/300,000" in updates(done)[-1]["text/plain"]
    seconds = (done.messages[-1]["header"]["date"] - done.messages[0]["header"]["date"]).total_seconds()
    assert len(updates(done)) <= 10 * seconds + 2


@pytest.mark.parametrize("leave", ["break", "error('no')"])
def test_a_loop_that_is_left_shows_where_it_stopped(kernel: KernelSession, leave: str) -> None:
    done = kernel.execute(f"for i in display.progress(10, 'work') do if i == 5 then {leave} end end")
    last = updates(done)[-1]
    assert "4/10" in last["text/plain"] and "stopped" in last["text/plain"]
    assert "error" in last["text/html"]


def test_an_interrupt_leaves_a_bar_that_says_so(kernel: KernelSession) -> None:
    msg_id = kernel.client.execute(
        "for i in display.progress(3) do if i == 2 then print('there') while true do end end end",
        allow_stdin=False,
    )
    while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        pass
    kernel.manager.interrupt_kernel()
    done = kernel.collect(msg_id)
    assert done.status == "error"
    assert "1/3" in updates(done)[-1]["text/plain"] and "stopped" in updates(done)[-1]["text/plain"]


def test_a_bar_moved_by_hand_lasts_over_cells(kernel: KernelSession) -> None:
    kernel.execute("bar = display.progress(10, 'steps')")
    assert "3/10" in updates(kernel.execute("bar:advance() bar:advance(2, 'loading')"))[-1]["text/plain"]
    assert "loading" in updates(kernel.execute("bar:set(7)"))[-1]["text/plain"]
    last = updates(kernel.execute("bar:done('ready')"))[-1]
    assert last["text/plain"].startswith("ready") and "7/10" in last["text/plain"]


def test_a_terminal_gets_one_line_that_overwrites_itself(kernel: KernelSession) -> None:
    done = kernel.execute("for i in display.progress(2, 'work') do end", answers=[])
    assert done.displayed == [] and updates(done) == []
    lines = done.stdout.split("\r")
    assert "0/2" in lines[1] and "2/2" in lines[-1] and done.stdout.endswith("\n")


def test_a_bar_tells_rate_and_remaining_time() -> None:
    now = [0.0]
    bar = ProgressBar(100, "<work>", clock=lambda: now[0])
    assert bar.figures() == "0/100"
    now[0] = 30.0
    bar.move(25)
    assert bar.figures() == "25/100 · 1.2 s each · 01:30 left"
    assert bar.text().startswith("<work>  25 % ▕███████▌  ")
    assert "&lt;work&gt;" in bar.html()
    bar.state = "done"
    assert bar.figures().endswith("in 00:30")
