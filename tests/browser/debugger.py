"""Page objects for JupyterLab's debugger: the bug button, the gutter of a cell, the panels of the sidebar.

As in `lab`, each method waits for what it needs, never for a length of time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from .lab import CELL_SECONDS, LOADED, OPEN, Cell, Notebook, texts
from .variables import Variables

HIGHLIGHT = "jp-DebuggerEditor-highlight"

SETTLE = """async () => {
    const shell = window.jupyterapp.shell;
    const session = [shell.currentWidget, ...shell.widgets('main')]
        .map(widget => widget?.sessionContext?.session).find(each => each?.kernel);
    const kernel = session.kernel;
    let asked = [];
    const note = (_, { msg, direction }) => {
        if (direction === 'send' && msg.header.msg_type === 'debug_request') {
            asked.push(msg.content.command);
        }
    };
    const late = () => new Promise((_, reject) => setTimeout(() => reject(new Error(
        `no answer to debugInfo: kernel ${kernel.status}, ${kernel.connectionStatus}`)), 60000));
    kernel.anyMessage.connect(note);
    for (let quiet = 0, rounds = 0; quiet < 2; rounds += 1) {
        if (rounds === 200) {
            throw new Error(`JupyterLab goes on asking ${asked}`);
        }
        asked = [];
        const request = { type: 'request', seq: 0, command: 'debugInfo' };
        await Promise.race([kernel.requestDebug(request, true).done, late()]);
        quiet = asked.length === 1 ? quiet + 1 : 0;
    }
    kernel.anyMessage.disconnect(note);
}"""
"""Wait until JupyterLab has asked the kernel all it wants to know of a notebook that it has just opened.

It mixes up its state if the bug button is pressed before that. Each of its requests follows the answer to the
last one, so two rounds of ours without one of its own are the end.
"""


@dataclass(frozen=True)
class Frame:
    """A line of the call stack panel: the function's name and a place such as `Cell [1]:2`."""

    name: str
    location: str


class Debugger:
    """JupyterLab's debugger, as it shows the notebook in front."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.page: Page = notebook.page
        self.button = notebook.panel.locator(".jp-DebuggerBugButton")
        self.sidebar = self.page.locator("#jp-debugger-sidebar")
        self.frames = self.sidebar.locator(".jp-DebuggerCallstackFrame")
        self.breakpoints = self.sidebar.locator(".jp-DebuggerBreakpoint")
        self.overlay = self.page.locator(".jp-DebuggerPausedOverlay").first
        self.variables = Variables(self.page, self.sidebar)
        self.console = DebugConsole(self)

    def switch_on(self) -> None:
        """Press the bug button and wait for the sidebar and the gutters."""
        expect(self.button).to_have_attribute("aria-disabled", "false")
        self.settle()
        self.button.click()
        self.wait_on()

    def switch_off(self) -> None:
        """Press the bug button again and wait until the gutters are gone."""
        self.button.click()
        expect(self.button).to_have_attribute("aria-pressed", "false")
        expect(self.notebook.panel).not_to_have_attribute("data-jp-debugger", "true")

    def end(self) -> None:
        """Switch the debugger off if it is on; a notebook that is closed has none."""
        if self.button.count() and self.button.get_attribute("aria-pressed") == "true":
            self.settle()
            self.switch_off()

    def wait_on(self) -> None:
        """Wait until the debugger is on, with a gutter in every code cell."""
        expect(self.button).to_have_attribute("aria-pressed", "true")
        expect(self.notebook.panel).to_have_attribute("data-jp-debugger", "true")
        expect(self.sidebar).to_be_visible()
        gutters = self.notebook.code_cells.locator(".cm-gutter.cm-breakpoint-gutter")
        expect(gutters).to_have_count(self.notebook.code_cells.count())
        self.settle()

    def settle(self) -> None:
        """Wait until JupyterLab has asked the kernel of the notebook in front all that it wants to know."""
        self.page.evaluate(SETTLE)

    # Breakpoints

    def toggle_breakpoint(self, cell: Cell, line: int) -> None:
        """Click into the gutter of a cell, at a line counted from 1, and return at once."""
        self._gutter(cell, line).click()

    def set_breakpoint(self, cell: Cell, line: int, *, at: int | None = None) -> None:
        """Click into the gutter and wait for the mark; `at` is the line that it moves to, if it does."""
        self.toggle_breakpoint(cell, line)
        self.wait_mark(cell, at or line)

    def remove_breakpoint(self, cell: Cell, line: int) -> None:
        """Click on the mark in the gutter and wait until it is gone."""
        self.toggle_breakpoint(cell, line)
        expect(self._mark(cell, line)).to_have_count(0)

    def remove_all_breakpoints(self) -> None:
        """Press the button of the breakpoints panel, and confirm."""
        self.sidebar.locator('[data-jp-item-name="closeAll"] jp-button').click()
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()
        expect(self.breakpoints).to_have_count(0)

    def wait_mark(self, cell: Cell, line: int) -> None:
        """Wait for the red mark beside a line."""
        expect(self._mark(cell, line)).to_be_visible()

    def breakpoint_lines(self) -> list[int]:
        """The lines that the breakpoints panel names, in its order."""
        return [int(line) for line in texts(self.breakpoints.locator(".jp-DebuggerBreakpoint-line"))]

    def pause_on_exceptions(self, name: str) -> None:
        """Choose an entry of the menu behind the panel's exception button (again to undo it)."""
        button = self.sidebar.locator("jp-button.jp-PauseOnExceptions")
        expect(button).to_have_attribute("aria-disabled", "false")
        button.click()
        entries = self.page.locator(".jp-PauseOnExceptions-menu .lm-Menu-itemLabel")
        entries.get_by_text(name, exact=True).click()

    # Stopping and going on

    def wait_stopped(self, line: int, function: str | re.Pattern[str] | None = None) -> None:
        """Wait until the code is stopped there: the stack, the variables and the banner are shown."""
        top = self.frames.first
        expect(top.locator(".jp-DebuggerCallstackFrame-location")).to_have_text(re.compile(rf":{line}$"))
        if function is not None:
            expect(top.locator(".jp-DebuggerCallstackFrame-name")).to_have_text(function)
        expect(self.variables.scopes.nth(1)).to_be_attached()  # those of the frame, not only the globals
        expect(self.overlay).to_be_attached()
        expect(self._command("continue")).to_have_attribute("title", re.compile("^Continue"))

    def wait_resumed(self) -> None:
        """Wait until nothing is stopped."""
        expect(self.frames).to_have_count(0)
        expect(self._command("continue")).to_have_attribute("title", re.compile("^Pause"))

    def stack(self) -> list[Frame]:
        """The call stack, innermost first."""
        names = texts(self.frames.locator(".jp-DebuggerCallstackFrame-name"))
        places = texts(self.frames.locator(".jp-DebuggerCallstackFrame-location"))
        return [Frame(name, place) for name, place in zip(names, places, strict=True)]

    def select_frame(self, index: int) -> None:
        """Look at the variables of another call."""
        frame = self.frames.nth(index)
        frame.click()
        expect(frame).to_have_class(re.compile("selected"))

    def wait_highlight(self, cell: Cell, text: str) -> None:
        """Wait until the line with that text is marked as the current one."""
        expect(cell.root.locator(f".{HIGHLIGHT}")).to_have_text(text)

    def resume(self) -> None:
        """Press Continue."""
        self._press("continue")

    def pause(self) -> None:
        """Press Pause, the same button while nothing is stopped."""
        expect(self._command("continue")).to_have_attribute("title", re.compile("^Pause"))
        self._press("continue")

    def step_over(self) -> None:
        """Press Next."""
        self._press("step-over")

    def step_in(self) -> None:
        """Press Step In."""
        self._press("step-in")

    def step_out(self) -> None:
        """Press Step Out."""
        self._press("step-out")

    def terminate(self) -> None:
        """Press Terminate: the code goes on, the debugger starts anew with its breakpoints."""
        self._press("terminate")
        self.settle()

    def restart_and_debug(self) -> None:
        """Choose Restart Kernel and Debug from the menu and confirm; every cell then runs."""
        self.notebook.menu("Kernel", "Restart Kernel and Debug…")
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()

    # Kernel sources

    def source_names(self) -> list[str]:
        """What the kernel sources panel lists."""
        return [name.strip() for name in texts(self.source_rows)]

    @property
    def source_rows(self) -> Locator:
        """The rows of the kernel sources panel."""
        return self.sidebar.locator(".jp-DebuggerKernelSource-source")

    def _press(self, item: str) -> None:
        button = self._command(item)
        expect(button).to_have_attribute("aria-disabled", "false")
        button.click()

    def _command(self, item: str) -> Locator:
        return self.sidebar.locator(f'[data-jp-item-name="{item}"] jp-button')

    def _gutter(self, cell: Cell, line: int) -> Locator:
        lines = cell.root.locator(
            ".cm-gutter.cm-breakpoint-gutter > .cm-gutterElement:not([style*='visibility: hidden'])"
        )
        return lines.nth(line - 1)

    def _mark(self, cell: Cell, line: int) -> Locator:
        return self._gutter(cell, line).locator(".cm-breakpoint-icon")


class DebugConsole:
    """The console that evaluates in the selected frame, opened by the button of the call stack panel."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._page = debugger.page
        self.root = debugger.page.locator(".jp-DebugConsole.jp-ConsolePanel")
        self.cells = self.root.locator(".jp-CodeConsole-content .jp-CodeCell")
        self._prompt = self.root.locator(".jp-CodeConsole-promptCell .cm-content")

    def open(self) -> None:
        """Press the button; the console opens under the notebook."""
        self._debugger._press("evaluate")
        expect(self._prompt).to_be_visible()

    def close(self) -> None:
        """Press the button again."""
        self._debugger._press("evaluate")
        expect(self.root).to_have_count(0)

    def type(self, code: str) -> None:
        """Type at the prompt, key by key.

        After a statement JupyterLab asks for the stack again and gives the focus to the code.
        """
        self._debugger.settle()
        self._prompt.click()
        self._page.keyboard.type(code)

    def evaluate(self, code: str) -> str:
        """Type, press Shift+Enter, and wait for what is shown above: nothing for most statements."""
        before = self.cells.count()
        self.type(code)
        self._prompt.press("Shift+Enter")
        output = self.cells.nth(before).locator(".jp-OutputArea-output")
        expect(output).to_be_attached(timeout=CELL_SECONDS * 1000)
        return str(output.inner_text()).rstrip("\n")


def reopen(page: Page, path: str) -> Notebook:
    """Load the page anew and open the notebook, whose kernel may be busy or stopped."""
    page.reload()
    page.wait_for_function(LOADED)
    page.wait_for_function(OPEN, arg=path)
    return Notebook(page)
