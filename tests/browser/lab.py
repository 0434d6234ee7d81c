"""Page objects: what a person does in JupyterLab, said in a line.

Each method waits for what it needs (Playwright's own waiting), never for a length of time.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

WAIT_MILLISECONDS = 60_000
"""How long the page may take to do anything before the test fails."""

CELL_SECONDS = 60
"""How long a cell may take to finish before the test fails."""

FINISHED = re.compile(r"^•?\[\d+\]:$")
"""The prompt of a cell that has run; the dot marks one that was edited since."""

LOADED = """() => {
    const app = window.jupyterapp;
    if (app !== undefined && window.isLoaded === undefined) {
        window.isLoaded = false;
        void Promise.all([app.restored, app.serviceManager.ready]).then(() => { window.isLoaded = true; });
    }
    return window.isLoaded === true;
}"""
"""JupyterLab asks for a kernel if a notebook is opened before it knows which there are.

What is waited for must answer at once: `wait_for_function` takes a promise for true and asks no more.
"""

OPEN = f"""path => {{
    const app = window.jupyterapp;
    if (!({LOADED})() || !app.commands.hasCommand('docmanager:open')) {{
        return false;
    }}
    if (app.shell.currentWidget?.context?.path === path) {{
        return true;
    }}
    const args = {{ path, factory: 'Notebook' }};
    window.opening ??= app.commands.execute('docmanager:open', args)
        .catch(() => {{}})
        .finally(() => {{ window.opening = undefined; }});
    return false;
}}"""
"""To be tried until it is true: the notebook is in front. What opens it comes a moment after the rest."""

KERNEL_READY = """path => {
    const widget = window.jupyterapp?.shell.currentWidget;
    const context = widget?.sessionContext;
    const kernel = context?.session?.kernel;
    return widget?.context?.path === path && context.isReady
        && kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
"""JupyterLab shows an idle kernel before it is connected, and drops what is run until then."""

OPEN_WITH_KERNEL = f"path => ({OPEN})(path) && ({KERNEL_READY})(path)"
"""To be tried until it is true: as OPEN, and the notebook's kernel is ready."""

CLOSE = """async () => {
    for (const widget of Array.from(window.jupyterapp.shell.widgets('main'))) {
        if (widget.sessionContext) {
            await widget.sessionContext.shutdown();
            widget.dispose();
        }
    }
}"""
"""Without the question whether to save."""

ERRORS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => !(cell.model.getMetadata('tags') ?? []).includes('raises-exception'))
    .flatMap(cell => cell.model.outputs?.toJSON() ?? [])
    .filter(output => output.output_type === 'error')
    .map(output => `${output.ename}: ${output.evalue}`)"""


class Cell:
    """One code cell of an open notebook."""

    def __init__(self, notebook: Notebook, root: Locator) -> None:
        self._notebook = notebook
        self._page = notebook.page
        self.root = root
        self.outputs = root.locator(".jp-OutputArea-output")
        self.prompt = root.locator(".jp-InputPrompt")

    def type(self, text: str) -> None:
        """Put the cursor at the end of the cell and type, key by key."""
        editor = self.root.locator(".cm-content")
        editor.click()
        self._page.keyboard.press("Control+End")
        self._page.keyboard.type(text)

    def start(self) -> None:
        """Run the cell and return at once."""
        self.root.locator(".cm-content").click()
        self._page.keyboard.press("Control+Enter")

    def run(self) -> None:
        """Run the cell and wait until it has finished."""
        before = self.prompt.inner_text()
        self.start()
        expect(self.prompt).not_to_have_text(before, timeout=CELL_SECONDS * 1000)
        self.wait_finished()

    def wait_running(self) -> None:
        """Wait for the `[*]` of a running cell on a busy kernel."""
        expect(self.prompt).to_have_text("[*]:")
        expect(self._notebook.indicator).to_have_attribute("data-status", "busy")

    def wait_finished(self) -> None:
        """Wait for the execution count that replaces `[*]`."""
        expect(self.prompt).to_have_text(FINISHED, timeout=CELL_SECONDS * 1000)

    def wait_output(self, text: str | re.Pattern[str]) -> None:
        """Wait until one of the outputs shows the text."""
        expect(self.outputs.filter(has_text=text).first).to_be_visible(timeout=CELL_SECONDS * 1000)

    def texts(self) -> list[str]:
        """What the outputs show, one text each."""
        return texts(self.outputs)

    def press_tab(self) -> Completer:
        """Ask for completion at the cursor."""
        self._page.keyboard.press("Tab")
        return Completer(self._page)

    def press_shift_tab(self) -> Locator:
        """Ask for help on the name at the cursor; the tooltip, with its text."""
        self._page.keyboard.press("Shift+Tab")
        tooltip = self._page.locator(".jp-Tooltip")
        expect(tooltip).to_have_text(re.compile(r"\S"))
        return tooltip

    def answer(self, text: str) -> None:
        """Type into the cell's input box and press Enter."""
        box = self.root.locator("input.jp-Stdin-input")
        expect(box).to_be_focused()
        box.fill(text)
        box.press("Enter")


class Completer:
    """The list of candidates under the cursor."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.root = page.locator(".jp-Completer")
        self.items = self.root.locator(".jp-Completer-item")

    def texts(self) -> list[str]:
        """The candidates that are shown."""
        expect(self.root).to_be_visible()
        return texts(self.root.locator(".jp-Completer-match"))

    def accept(self) -> None:
        """Take the selected candidate."""
        self._page.keyboard.press("Enter")
        expect(self.root).to_be_hidden()


class Notebook:
    """A notebook open in JupyterLab, with a kernel that is ready."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.indicator = self.panel.locator(".jp-Notebook-ExecutionIndicator")
        self.code_cells = self.panel.locator(".jp-CodeCell")

    @classmethod
    def open(cls, page: Page, path: str) -> Notebook:
        """Open a file of the server in a page that shows JupyterLab; wait until its kernel is ready."""
        page.wait_for_function(OPEN_WITH_KERNEL, arg=path)
        notebook = cls(page)
        notebook.wait_idle()
        return notebook

    def dismiss(self) -> None:
        """Press Escape if a tooltip, a completion list or a dialog is open."""
        popup = self.page.locator(".jp-Tooltip, .jp-Completer:not(.lm-mod-hidden), .jp-Dialog")
        if popup.first.is_visible():
            self.page.keyboard.press("Escape")
            expect(popup.first).to_be_hidden()

    def close(self) -> None:
        """Close all notebooks without saving and end their kernels."""
        self.page.evaluate(CLOSE)

    def cell(self, index: int) -> Cell:
        """The code cell at `index`, counted from 0 (-1 is the last one)."""
        return Cell(self, self.code_cells.nth(index))

    def wait_idle(self, seconds: float = CELL_SECONDS) -> None:
        """Wait until the kernel is idle."""
        expect(self.indicator).to_have_attribute("data-status", "idle", timeout=seconds * 1000)

    def interrupt(self) -> None:
        """Press the toolbar's stop button."""
        self._toolbar("interrupt").click()

    def restart(self) -> None:
        """Press the toolbar's restart button, confirm, and wait for the new kernel."""
        self._toolbar("restart").click()
        dialog = self.page.locator(".jp-Dialog")
        dialog.locator("button.jp-mod-accept").click()
        expect(dialog).to_be_hidden()
        self.wait_idle()

    def run_all(self, seconds: float = 60) -> None:
        """Run every cell by the menu and wait until each code cell has its count."""
        self.menu("Run", "Run All Cells")
        for index in range(self.code_cells.count()):
            expect(self.cell(index).prompt).to_have_text(FINISHED, timeout=seconds * 1000)
        self.wait_idle()

    def errors(self) -> list[str]:
        """Name and message of each error in a cell that is not tagged `raises-exception`."""
        found: list[str] = self.page.evaluate(ERRORS)
        return found

    def hide_file_browser(self) -> None:
        """Leave the window to the notebook."""
        self.page.evaluate("window.jupyterapp.shell.collapseLeft()")

    def wait_charts(self) -> None:
        """Wait until every chart is drawn; until then the page still moves."""
        expect(self.panel.locator(".jp-RenderedVegaCommon5:not(:has(canvas, svg))")).to_have_count(0)

    def show_heading(self, text: str) -> None:
        """Scroll so that a heading is at the top of the window."""
        heading = self.panel.locator(".jp-MarkdownOutput :is(h1, h2, h3)", has_text=text)
        heading.first.evaluate("heading => heading.scrollIntoView({ block: 'start' })")

    def menu(self, *path: str) -> None:
        """Choose a menu entry, such as `menu("Run", "Run All Cells")`."""
        bar, entry = path
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{bar}$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{entry}$")).click()

    def screenshot(self, file: Path) -> None:
        """Save a picture of the whole window."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file, animations="disabled")

    def _toolbar(self, name: str) -> Locator:
        return self.panel.locator(f'[data-jp-item-name="{name}"] jp-button').first


def texts(locator: Locator) -> list[str]:
    """The text of each element that is there now."""
    found: list[str] = locator.all_inner_texts()
    return found
