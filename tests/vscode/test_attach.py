"""The extension attaches to a running kernel, found by its connection file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.kernels import KernelSession

from .conftest import OpenFolder

pytestmark = pytest.mark.timeout(180)

SHAPES = """\
local shapes = {}

function shapes.area(width, height)
    local result = width * height
    return result
end

return shapes
"""


@pytest.fixture
def kernel(new_kernel: Callable[..., KernelSession]) -> Iterator[KernelSession]:
    """A kernel that listens for editors, with its connection file where Jupyter Server writes it."""
    session = new_kernel("llmspell", "--dap-port=0")
    file = Path(os.environ["JUPYTER_RUNTIME_DIR"]) / "kernel-vscode.json"
    file.symlink_to(session.manager.connection_file)
    yield session
    file.unlink()


def test_a_module_that_a_cell_uses_is_debugged(open_folder: OpenFolder, kernel: KernelSession) -> None:
    window = open_folder(**{"shapes.lua": SHAPES})
    window.open_file("shapes.lua")
    window.toggle_breakpoint(4)
    window.run_command("LLMSpell: Attach to Running Kernel")
    window.choose("llmspell")
    expect(window.toolbar).to_be_visible()
    running = kernel.client.execute(
        f'shapes = dofile("{window.folder}/shapes.lua"); print(shapes.area(3, 4))'
    )
    window.wait_stopped("area", 4)
    window.scope("Locals")
    expect(window.variable("width")).to_have_text("3")
    window.evaluate("height = 5")
    expect(window.variable("height")).to_have_text("5")
    window.press("F5")
    assert kernel.collect(running).stdout == "15\n"

    window.stop()
    assert kernel.execute("1 + 1").result == "2"


def test_the_source_of_a_cell_is_shown(open_folder: OpenFolder, kernel: KernelSession) -> None:
    window = open_folder(**{"notes.txt": ""})
    window.run_command("LLMSpell: Attach to Running Kernel")
    window.choose("llmspell")
    expect(window.toolbar).to_be_visible()
    running = kernel.client.execute("local colour = 'teal'\ndebug.breakpoint()\nprint(colour)")
    expect(window.stack.first).to_be_visible()
    expect(window.page.locator(".editor-instance .view-lines")).to_contain_text("print(colour)")
    window.scope("Locals")
    expect(window.variable("colour")).to_have_text('"teal"')
    window.press("F5")
    assert kernel.collect(running).stdout == "teal\n"
    window.stop()


def test_without_a_kernel_that_listens_one_is_told_how_to_start_it(open_folder: OpenFolder) -> None:
    window = open_folder(**{"notes.txt": ""})
    window.run_command("LLMSpell: Attach to Running Kernel")
    assert "--dap-port=0" in window.message()
