"""Page objects for the variables panel of JupyterLab's debugger."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from .lab import texts

TABLE_ROWS = """() => {
    const sidebar = [...window.jupyterapp.shell.widgets('right')].find(w => w.id === 'jp-debugger-sidebar');
    const grid = sidebar.variables.widgets[1].layout.widgets[0];
    const model = grid?.dataModel;
    return model === undefined ? [] : Array.from({ length: model.rowCount('body') }, (_, row) => [
        model.data('row-header', row, 0), model.data('body', row, 0), model.data('body', row, 1),
    ]);
}"""
"""Name, type and value of each row of the table view: it is drawn on a canvas, so its model is asked."""


class Variables:
    """The variables panel: one scope at a time, as a tree or as a table."""

    def __init__(self, page: Page, sidebar: Locator) -> None:
        self._page = page
        self._sidebar = sidebar
        self.root = sidebar.locator(".jp-DebuggerVariables")
        self.scopes = sidebar.locator('select[aria-label="Scope"] option')
        self.tree = self.root.locator(".jp-TreeView")

    def scope_names(self) -> list[str]:
        """The scopes that can be chosen."""
        return texts(self.scopes)

    def choose_scope(self, name: str) -> None:
        """Show the variables of a scope."""
        self._sidebar.locator('select[aria-label="Scope"]').select_option(name)

    def row(self, *path: str) -> Variable:
        """A variable by its name; more names lead to children of rows that are expanded."""
        found = self.tree
        for name in path:
            found = found.locator("> jp-tree-item").filter(
                has=self._page.locator(
                    ":scope > .jp-DebuggerVariables-name", has_text=re.compile(f"^{re.escape(name)}$")
                )
            )
        return Variable(self._page, found.first)

    def names(self) -> list[str]:
        """The variables of the scope that is shown."""
        return texts(self.tree.locator("> jp-tree-item > .jp-DebuggerVariables-name"))

    def show_table(self) -> None:
        """Change to the table view."""
        self._sidebar.locator("jp-button.jp-TableView-Button").click()
        expect(self.root.locator(".jp-DebuggerVariables-grid")).to_be_visible()

    def show_tree(self) -> None:
        """Change to the tree view."""
        self._sidebar.locator("jp-button.jp-TreeView-Button").click()
        expect(self.tree).to_be_visible()

    def table(self) -> dict[str, tuple[str, str]]:
        """The table view: name -> type and value."""
        rows: list[list[Any]] = self._page.evaluate(TABLE_ROWS)
        return {str(name): (str(kind), str(value)) for name, kind, value in rows}


class Variable:
    """A row of the variables tree."""

    def __init__(self, page: Page, root: Locator) -> None:
        self._page = page
        self.root = root
        self.name = root.locator("> .jp-DebuggerVariables-name")
        self.detail = root.locator("> .jp-DebuggerVariables-detail")
        self.children = root.locator("> jp-tree-item > .jp-DebuggerVariables-name")

    def expand(self) -> None:
        """Open the row and wait for its children."""
        self.name.click()
        expect(self.root).to_have_attribute("aria-expanded", "true")
        expect(self.children.first).to_be_visible()

    def render(self) -> Locator:
        """Press the magnifying glass; the panel that shows the value as a notebook would."""
        self.name.hover()
        before = self._page.locator(".jp-DebuggerRichVariable").count()
        self.root.locator("> .jp-DebuggerVariables-renderVariable").click()
        panel = self._page.locator(".jp-DebuggerRichVariable").nth(before)
        expect(panel.locator(".jp-VariableRendererPanel-renderer")).to_be_visible()
        return panel

    def copy_to_globals(self) -> None:
        """Choose Copy Variable to Globals from the context menu."""
        self.choose("Copy Variable to Globals")

    def choose(self, entry: str) -> None:
        """Choose an entry of the row's context menu."""
        self.name.click(button="right")
        self._page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()
