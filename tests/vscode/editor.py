"""Page objects: what a person does in Visual Studio Code, said in a line.

Each method waits for what it needs (Playwright's own waiting), never for a length of time.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

START_MILLISECONDS = 60_000
PICK_MILLISECONDS = 4_000
PICK_ATTEMPTS = 5


class Window:
    """One window with one folder."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.toolbar = page.locator(".debug-toolbar")
        self.stack = page.locator(".debug-call-stack .monaco-list-row")
        self.console_rows = page.locator(".repl .repl-tree .monaco-list-row")

    @classmethod
    def open(cls, page: Page, address: str, folder: Path) -> Window:
        """Open a folder and wait until its files are shown."""
        window = cls(page, folder)
        page.goto(address)
        expect(page.locator(".explorer-folders-view .monaco-list-row").first).to_be_visible(
            timeout=START_MILLISECONDS
        )
        return window

    # Editing

    def open_file(self, name: str) -> None:
        """Open a file of the folder and wait until it is shown."""
        self._pick("Control+P", name)
        expect(self.page.locator(".tab.active")).to_contain_text(name)
        expect(self.page.locator(".editor-instance .view-line").first).to_be_visible()

    def toggle_breakpoint(self, line: int) -> None:
        """Click left of a line's number and wait for the mark."""
        before = self._breakpoints.count()
        number = self.page.locator(".editor-instance .line-numbers").get_by_text(str(line), exact=True).first
        place = number.bounding_box()
        assert place is not None
        self.page.mouse.click(place["x"] - 10, place["y"] + place["height"] / 2)
        expect(self._breakpoints).not_to_have_count(before)

    def run_command(self, title: str) -> None:
        """Run a command from the command palette."""
        self._pick("F1", f">{title}", title)

    def choose(self, text: str) -> None:
        """Choose an entry of the list that a command has opened."""
        self.page.locator(".quick-input-list .monaco-list-row", has_text=text).first.click()

    def message(self) -> str:
        """The text of the dialog or notification that is shown; it is closed."""
        shown = self.page.locator(".monaco-dialog-box, .notification-toast").first
        expect(shown).to_be_visible()
        text: str = shown.inner_text()
        if self.page.locator(".monaco-dialog-box").count():
            self.page.locator(".monaco-dialog-box .dialog-buttons").get_by_text("Cancel").click()
        return text

    # Debugging

    def press(self, key: str) -> None:
        """Press a key: F5, F10, Shift+F11 and so on."""
        self.page.keyboard.press(key)

    def wait_stopped(self, name: str, line: int) -> None:
        """Wait until the code is stopped in a function, as the call stack and the editor show."""
        expect(self.stack.first).to_contain_text(name)
        expect(self.stack.first.locator(".line-number")).to_have_text(re.compile(rf"^{line}:"))
        expect(self.page.locator(".debug-top-stack-frame-line").first).to_be_visible()

    def wait_running(self) -> None:
        """Wait until there is a session whose code runs."""
        expect(self._pause_button).to_be_visible()

    def pause(self) -> None:
        """Stop running code wherever it is."""
        self._pause_button.click()

    def wait_ended(self) -> None:
        """Wait until there is no session."""
        expect(self.toolbar).to_be_hidden()

    def stop(self) -> None:
        """End the session, if there is one."""
        if self.toolbar.is_visible():
            self.toolbar.locator(".codicon-debug-stop, .codicon-debug-disconnect").first.click()
            self.wait_ended()

    def functions(self) -> list[str]:
        """The names in the call stack, innermost first."""
        return [text.split("\n")[0] for text in self.stack.all_inner_texts()]

    def scope(self, name: str) -> Locator:
        """The row of a scope, which is opened."""
        row = self._variable_rows.filter(has_text=re.compile(f"^{name}$"))
        expect(row).to_be_visible()
        if row.get_attribute("aria-expanded") != "true":
            row.locator(".monaco-tl-twistie").click()
            expect(row).to_have_attribute("aria-expanded", "true")
        return row

    def variable(self, name: str) -> Locator:
        """The value of a variable that is shown."""
        return self._row(name).locator(".value")

    def expand(self, name: str) -> None:
        """Show what is in a table."""
        row = self._row(name)
        row.locator(".monaco-tl-twistie").click()
        expect(row).to_have_attribute("aria-expanded", "true")

    def set_variable(self, name: str, value: str) -> None:
        """Give a variable a new value with a double click."""
        self._row(name).locator(".expression").dblclick()
        box = self.page.locator(".debug-variables input")
        box.fill(value)
        box.press("Enter")

    def watch(self, expression: str) -> Locator:
        """Add an expression to the watched ones; its value."""
        self.page.locator(".pane-header", has_text="Watch").hover()
        self.page.get_by_role("button", name="Add Expression").click()
        box = self.page.locator(".debug-watch input")
        box.fill(expression)
        box.press("Enter")
        return self.page.locator(".debug-watch .monaco-list-row", has_text=expression).locator(".value")

    def hover(self, name: str) -> Locator:
        """Hold the mouse over the first place where a name stands by itself; the value that pops up."""
        self.page.locator(".editor-instance .view-lines span").get_by_text(name, exact=True).first.hover()
        return self.page.locator(".debug-hover-widget .value")

    def evaluate(self, code: str) -> None:
        """Type a line into the debug console."""
        self.page.locator(".repl-input-wrapper .monaco-editor").click()
        self.page.keyboard.type(code)
        self.page.keyboard.press("Escape")  # closes the list of completions
        self.page.keyboard.press("Enter")

    def wait_console(self, text: str | re.Pattern[str]) -> None:
        """Wait until a line of the debug console shows the text."""
        expect(self.console_rows.filter(has_text=text).first).to_be_visible()

    def screenshot(self, file: Path) -> None:
        """Write what the window shows as PNG."""
        self.page.mouse.move(640, 600)
        self.page.screenshot(path=file)

    @property
    def _pause_button(self) -> Locator:
        return self.toolbar.locator(".codicon-debug-pause:not(.disabled)")

    @property
    def _breakpoints(self) -> Locator:
        return self.page.locator(".editor-instance .codicon-debug-breakpoint, .codicon-debug-stackframe-dot")

    @property
    def _variable_rows(self) -> Locator:
        return self.page.locator(".debug-variables .monaco-list-row")

    def _row(self, name: str) -> Locator:
        named = self.page.locator(".name", has_text=re.compile(rf"^{re.escape(name)} ?=?$"))
        return self._variable_rows.filter(has=named).first

    def _pick(self, key: str, text: str, entry: str = "") -> None:
        """Choose from a list that a key opens; it is opened anew as long as the window is still starting."""
        row = self.page.locator(".quick-input-list .monaco-list-row", has_text=entry or text).first
        for attempt in reversed(range(PICK_ATTEMPTS)):
            self.page.keyboard.press(key)
            self.page.locator(".quick-input-widget input[type=text]").first.fill(text)
            try:
                row.click(timeout=PICK_MILLISECONDS)
            except PlaywrightTimeout:
                if not attempt:
                    raise
                self.page.keyboard.press("Escape")
            else:
                return
