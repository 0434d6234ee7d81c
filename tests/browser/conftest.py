"""One JupyterLab and one Chromium for all browser tests, one notebook and kernel for each."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.notebooks import lua_notebook, write_notebook

from .debugger import Debugger
from .lab import LOADED, WAIT_MILLISECONDS, Notebook
from .server import LabServer

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""What makes Chromium run as root in a container, without looking for hosts on the internet."""

KERNEL_IS_GONE = (
    "Canceled future for debug_request message before replies were done",
    "A kernel is required to send debug messages.",
)
"""What JupyterLab throws when a notebook is closed while it asks the debugger something."""

OpenFile = Callable[[str], Notebook]
OpenNotebook = Callable[..., Notebook]
OpenDebugger = Callable[..., Debugger]


@pytest.fixture(scope="package")
def lab_server(
    isolated_folders: Path, kernelspecs: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LabServer]:
    """JupyterLab with our kernelspecs and an empty notebook folder."""
    server = LabServer(tmp_path_factory.mktemp("notebooks"), isolated_folders / "lab" / "settings")
    yield server
    server.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    executable = shutil.which("chromium")
    assert executable, "the browser tests need Chromium: apt-get install chromium"
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, headless=True, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def lab_page(browser: Browser, lab_server: LabServer) -> Iterator[Page]:
    """JupyterLab, signed in and loaded; the tests open and close their notebooks in it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MILLISECONDS)
    page = context.new_page()
    page.goto(f"{lab_server.url}lab?token={lab_server.token}")
    page.wait_for_function(LOADED)
    yield page
    context.close()


@pytest.fixture
def open_file(lab_page: Page) -> Iterator[OpenFile]:
    """Open a file of the notebook folder; afterwards it is closed and its kernel ended."""

    def open_named(name: str) -> Notebook:
        return Notebook.open(lab_page, name)

    yield open_named
    notebook = Notebook(lab_page)
    notebook.dismiss()
    notebook.close()


@pytest.fixture
def open_notebook(lab_server: LabServer, open_file: OpenFile) -> OpenNotebook:
    """Open a new notebook with the given code cells."""

    def open_with(*cells: str, kernel: str = "llmspell", name: str | None = None) -> Notebook:
        name = f"{name or uuid.uuid4().hex}.ipynb"
        write_notebook(lab_server.folder / name, lua_notebook(*cells, kernel=kernel))
        return open_file(name)

    return open_with


@pytest.fixture
def open_debugger(lab_page: Page, open_notebook: OpenNotebook) -> Iterator[OpenDebugger]:
    """Open a new notebook with the given code cells and switch its debugger on.

    Afterwards the debugger is off. An exception that JupyterLab does not handle fails the test: an answer of
    the kernel's was not what it needs.
    """
    exceptions: list[str] = []

    def note(exception: Error) -> None:
        if exception.message not in KERNEL_IS_GONE:
            exceptions.append(exception.message)

    lab_page.on("pageerror", note)
    opened: list[Debugger] = []

    def open_with(*cells: str, **options: str) -> Debugger:
        debugger = Debugger(open_notebook(*cells, **options))
        opened.append(debugger)
        debugger.switch_on()
        return debugger

    yield open_with
    for debugger in opened:
        debugger.end()
    lab_page.remove_listener("pageerror", note)
    assert exceptions == []
