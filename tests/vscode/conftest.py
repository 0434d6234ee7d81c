"""One code-server and one Chromium for all tests of the extension, one window and folder for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import browser as browser

from .editor import Window
from .server import EXTENSION, MODULES, CodeServer

OpenFolder = Callable[..., Window]

WAIT_MILLISECONDS = 20_000


@pytest.fixture(scope="session")
def code_server(isolated_folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeServer]:
    """Visual Studio Code in the browser, with the extension that `make vsix` has built."""
    for needed in (MODULES, EXTENSION):
        assert needed.exists(), f"there is no {needed}; run these tests with: make test-vscode"
    server = CodeServer(tmp_path_factory.mktemp("vscode"))
    yield server
    server.close()


@pytest.fixture
def open_folder(code_server: CodeServer, browser: Browser, tmp_path: Path) -> Iterator[OpenFolder]:
    """Open a new folder with the given files (name: text) in a window of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WAIT_MILLISECONDS)
    expect.set_options(timeout=WAIT_MILLISECONDS)

    def open_with(**files: str) -> Window:
        folder = tmp_path / "program"
        for name, text in files.items():
            file = folder / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return Window.open(context.new_page(), f"{code_server.url}?folder={folder}", folder)

    yield open_with
    for page in context.pages:
        Window(page, tmp_path).stop()
    context.close()
