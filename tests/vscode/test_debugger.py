"""The extension launches programs and shows them while they are stopped."""

from __future__ import annotations

import os
import re
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import expect

from .conftest import OpenFolder

pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parents[2]
SAVE_SCREENSHOTS = bool(os.environ.get("LLMSPELL_SCREENSHOTS"))
"""`LLMSPELL_SCREENSHOTS=1` renews the pictures of the docs."""

SHOP = """\
local items = {
    { name = "tea", price = 4, count = 3 },
    { name = "cake", price = 6, count = 2 },
}

local function cost(item, discount)
    local full = item.price * item.count
    return full * (1 - discount)
end

local total = 0
for _, item in ipairs(items) do
    total = total + cost(item, 0.5)
end
print("total: " .. total)
"""


BUSY = """\
print("busy")
while true do
    local step = 1
end
"""


def test_a_program_is_launched_stopped_looked_at_and_finished(
    open_folder: OpenFolder, tmp_path: Path
) -> None:
    window = open_folder(**{"shop.lua": SHOP})
    window.open_file("shop.lua")
    window.toggle_breakpoint(7)
    window.press("F5")
    window.wait_stopped("cost", 7)
    assert len(window.functions()) == 2

    window.scope("Locals")
    expect(window.variable("discount")).to_have_text("0.5")
    window.expand("item")
    expect(window.variable("name")).to_have_text('"tea"')
    expect(window.watch("item.price + 1")).to_have_text("5")
    expect(window.hover("discount")).to_have_text("0.5")

    window.press("F10")
    window.wait_stopped("cost", 8)
    expect(window.variable("full")).to_have_text("12")
    window.set_variable("full", "20")
    expect(window.variable("full")).to_have_text("20")

    window.evaluate("item.name .. '!'")
    window.wait_console('"tea!"')
    picture = ROOT / "docs" / "images" / "vscode.png" if SAVE_SCREENSHOTS else tmp_path / "vscode.png"
    window.screenshot(picture)
    assert picture.stat().st_size > 10_000
    window.evaluate("discount = 0")
    expect(window.variable("discount")).to_have_text("0")

    window.press("Shift+F11")
    expect(window.stack).to_have_count(1)
    window.press("F5")
    window.wait_stopped("cost", 7)
    window.press("F5")
    window.wait_ended()
    window.wait_console("total: 26")


def test_an_uncaught_error_stops_the_program_where_it_is_raised(open_folder: OpenFolder) -> None:
    window = open_folder(
        **{"broken.lua": "local rows = nil\nlocal function first()\n    return rows[1]\nend\nfirst()\n"}
    )
    window.open_file("broken.lua")
    window.press("F5")
    window.wait_stopped("first", 3)
    widget = window.page.locator(".exception-widget")
    expect(widget).to_contain_text("attempt to index a nil value")
    window.press("Shift+F5")
    window.wait_ended()


def test_stop_and_restart_leave_no_process_behind(open_folder: OpenFolder) -> None:
    window = open_folder(**{"busy.lua": BUSY})
    window.open_file("busy.lua")
    window.press("F5")
    window.wait_console("busy")
    window.pause()
    expect(window.page.locator(".debug-top-stack-frame-line").first).to_be_visible()
    (first,) = programs(window.folder)
    window.press("Control+Shift+F5")
    first.wait(10)
    window.wait_running()
    window.wait_console("busy")
    (second,) = programs(window.folder)
    assert second != first
    window.press("Shift+F5")
    window.wait_ended()
    second.wait(10)
    assert programs(window.folder) == []


def test_a_command_that_is_not_there_is_told_with_what_to_do(open_folder: OpenFolder) -> None:
    settings = '{ "llmspell.command": "/nowhere/llmspell" }'
    window = open_folder(**{"shop.lua": SHOP, ".vscode__settings.json": settings})
    window.open_file("shop.lua")
    window.press("F5")
    message = window.message()
    assert "Cannot run /nowhere/llmspell" in message
    assert "pip install llmspell-kernel" in message


def test_arguments_and_environment_of_a_launch_configuration_reach_the_program(
    open_folder: OpenFolder,
) -> None:
    launch = """{ "version": "0.2.0", "configurations": [{
        "type": "llmspell", "request": "launch", "name": "All", "program": "${workspaceFolder}/main.lua",
        "args": ["one", "two words"], "env": { "COLOUR": "teal" }, "language": "luajit" }] }"""
    code = 'print(_VERSION, select("#", ...), ..., os.getenv("COLOUR"))\n'
    window = open_folder(**{"main.lua": code, ".vscode__launch.json": launch})
    window.open_file("main.lua")
    window.press("F5")
    window.wait_console(re.compile(r"Lua 5\.1\s+2\s+one\s+.*teal"))
    window.wait_ended()


def programs(folder: Path) -> list[psutil.Process]:
    """The processes that debug a program of the folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "debug" in (line := process.info["cmdline"] or []) and any(str(folder) in word for word in line)
    ]
